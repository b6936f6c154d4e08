"""Which videos were removed, and whether all that was made of them is gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table; code that does not know it goes on as before."""
    op.create_table(
        "removals",
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("video_id", name="pk_removals"),
    )
    op.create_index("ix_removals_cleared_at", "removals", ["cleared_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("removals")
