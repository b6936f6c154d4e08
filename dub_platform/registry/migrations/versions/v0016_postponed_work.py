"""How often a row's run could not begin, and when the next one may."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_TABLES = ("videos", "dubs")


def upgrade() -> None:
    """Add the columns; code that does not know them requests the run at once, as before."""
    for table in _TABLES:
        op.add_column(
            table, sa.Column("postponements", sa.Integer, nullable=False, server_default="0")
        )
        op.add_column(table, sa.Column("not_before", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Drop them, in the order in which transactions take the tables."""
    for table in _TABLES:
        op.drop_column(table, "not_before")
        op.drop_column(table, "postponements")
