"""Which translation a dub has by now, and whether its channel is worded otherwise since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the columns; code that does not know them tells of no dub that it is stale by them."""
    op.add_column("dubs", sa.Column("translated", sa.String(16)))
    flag = sa.Column("outworded", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("dubs", flag)


def downgrade() -> None:
    """Drop them."""
    op.drop_column("dubs", "outworded")
    op.drop_column("dubs", "translated")
