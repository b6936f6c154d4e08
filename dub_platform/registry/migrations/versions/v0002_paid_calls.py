"""The ledger: every paid call, from before it is made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table. It names videos without referring to them, because it outlives them."""
    op.create_table(
        "paid_calls",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16)),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("units", sa.Integer),
        sa.Column("estimated_usd", sa.Float, nullable=False),
        sa.Column("cost_usd", sa.Float, nullable=False),
        sa.Column("request_id", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("settled_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_paid_calls"),
    )
    op.create_index("ix_paid_calls_video_id", "paid_calls", ["video_id"])
    op.create_index("ix_paid_calls_created_at", "paid_calls", ["created_at"])


def downgrade() -> None:
    """Drop the table, with the account of what was paid."""
    op.drop_table("paid_calls")
