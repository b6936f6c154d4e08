"""Whose each video and webhook is, and what a video's source calls it where that is not its id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_TABLES = ("videos", "webhooks")


def upgrade() -> None:
    """Add the columns; what code writes that does not know them is the default tenant's."""
    for table in _TABLES:
        tenant = sa.Column("tenant", sa.String(32), nullable=False, server_default="default")
        op.add_column(table, tenant)
    op.add_column("videos", sa.Column("source_id", sa.String(64)))


def downgrade() -> None:
    """Drop them: everything is everybody's again."""
    op.drop_column("videos", "source_id")
    for table in _TABLES:
        op.drop_column(table, "tenant")
