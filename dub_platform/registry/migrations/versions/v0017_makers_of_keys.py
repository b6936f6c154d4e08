"""Which key a key counts as: the one that it was made with, or itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the column; keys that there are, and those of code that does not know it, count as
    themselves."""
    op.add_column("api_keys", sa.Column("counts_as", sa.String(16)))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("api_keys", "counts_as")
