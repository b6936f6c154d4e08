"""Events: what happened to videos and dubs, for those who listen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table. It names videos without referring to them, because it may outlive them."""
    op.create_table(
        "events",
        sa.Column("id", _SERIAL, nullable=False, autoincrement=True),
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16)),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("stage", sa.String(64)),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("error", _JSON),
        sa.Column("is_last", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_video_id", "events", ["video_id", "id"])
    op.create_index("ix_events_created_at", "events", ["created_at"])


def downgrade() -> None:
    """Drop the table, with what happened so far."""
    op.drop_table("events")
