"""Corrections of what is said in a video, and whether it is believed as it was heard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_FLAGS = ("believed", "asked_anew", "listen_only")


def upgrade() -> None:
    """Add the columns; code that does not know them makes of a video what it always did."""
    op.add_column("videos", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
    for name in _FLAGS:
        flag = sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
        op.add_column("videos", flag)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(_FLAGS):
        op.drop_column("videos", name)
    op.drop_column("videos", "revision")
