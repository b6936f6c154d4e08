"""Channels, and how dubs are to be worded. Code of the revision before runs on it unchanged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table, and add to the others what may stay empty."""
    op.create_table(
        "channels",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("glossary", _JSON),
        sa.Column("formality", sa.String(16)),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_channels"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER keep_updated_at BEFORE UPDATE ON channels "
            "FOR EACH ROW EXECUTE FUNCTION keep_updated_at()"
        )
    op.add_column("videos", sa.Column("channel_id", sa.String(64)))
    op.add_column("dubs", sa.Column("glossary", _JSON))
    op.add_column("dubs", sa.Column("formality", sa.String(16)))
    op.add_column(
        "dubs", sa.Column("asked_anew", sa.Boolean, nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Take it all back, with what channels and dubs were to be worded like."""
    for column in ("asked_anew", "formality", "glossary"):
        op.drop_column("dubs", column)
    op.drop_column("videos", "channel_id")
    op.drop_table("channels")
