"""What is left of a dub that was removed, and that a film is to be made without it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the table and the column; code that does not know them makes a dub whole."""
    op.create_table(
        "dub_removals",
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("video_id", "language", name="pk_dub_removals"),
    )
    op.create_index("ix_dub_removals_cleared_at", "dub_removals", ["cleared_at"])
    flag = sa.Column("film_only", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("dubs", flag)


def downgrade() -> None:
    """Drop them."""
    op.drop_column("dubs", "film_only")
    op.drop_table("dub_removals")
