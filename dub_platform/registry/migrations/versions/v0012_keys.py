"""API keys, and who may watch a video."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table and the column; code that does not know them goes on as before."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.Column("revoked_at", _MOMENT),
        sa.Column("last_used_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.add_column(
        "videos", sa.Column("visibility", sa.String(16), nullable=False, server_default="public")
    )


def downgrade() -> None:
    """Drop them: nobody has a key, and every video can be watched."""
    op.drop_column("videos", "visibility")
    op.drop_table("api_keys")
