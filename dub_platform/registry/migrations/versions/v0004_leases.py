"""Leases, and how often a row's run was lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TABLES = ("videos", "dubs")


def upgrade() -> None:
    """Make the table and the columns; code that does not know them goes on as before."""
    op.create_table(
        "leases",
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("video_id", "language", name="pk_leases"),
    )
    for table in _TABLES:
        op.add_column(table, sa.Column("losses", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop them, in the order in which transactions take the tables."""
    for table in _TABLES:
        op.drop_column(table, "losses")
    op.drop_table("leases")
