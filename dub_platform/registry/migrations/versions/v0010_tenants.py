"""Whose each video is, and what its source calls it where that is not its id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; what code writes that does not know them is the default tenant's."""
    op.add_column(
        "videos", sa.Column("tenant", sa.String(32), nullable=False, server_default="default")
    )
    op.add_column("videos", sa.Column("source_id", sa.String(64)))


def downgrade() -> None:
    """Drop them: every video is everybody's again."""
    for column in ("source_id", "tenant"):
        op.drop_column("videos", column)
