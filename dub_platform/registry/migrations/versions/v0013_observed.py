"""What metrics and logs want to know: tallies, who asked, and since when something waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_TABLES = ("videos", "dubs")


def upgrade() -> None:
    """Make the table and the columns; code that does not know them goes on as before."""
    op.create_table(
        "tallies",
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("labels", sa.String(255), nullable=False),
        sa.Column("le", sa.String(16), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("sum", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("metric", "labels", "le", name="pk_tallies"),
    )
    for table in _TABLES:
        op.add_column(table, sa.Column("request_id", sa.String(64)))
        op.add_column(table, sa.Column("queued_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Drop them, in the order in which transactions take the tables."""
    for table in _TABLES:
        op.drop_column(table, "queued_at")
        op.drop_column(table, "request_id")
    op.drop_table("tallies")
