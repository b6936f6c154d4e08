"""An index for the listing of one tenant's videos."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_NAME = "ix_videos_tenant"
_COLUMNS = ("tenant", sa.text("created_at DESC"), sa.text("id DESC"))


def upgrade() -> None:
    """Make it beside what goes on."""
    if op.get_context().dialect.name != "postgresql":
        op.create_index(_NAME, "videos", list(_COLUMNS))
    else:
        with op.get_context().autocommit_block():
            # One that was given up half-way is left as invalid.
            op.drop_index(_NAME, if_exists=True, postgresql_concurrently=True)
            op.create_index(_NAME, "videos", list(_COLUMNS), postgresql_concurrently=True)


def downgrade() -> None:
    """Drop it."""
    if op.get_context().dialect.name != "postgresql":
        op.drop_index(_NAME, "videos")
    else:
        with op.get_context().autocommit_block():
            op.drop_index(_NAME, if_exists=True, postgresql_concurrently=True)
