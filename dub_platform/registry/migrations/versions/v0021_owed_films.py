"""Which videos are without the film that was withdrawn with a removed dub."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the table; code that does not know it leaves such a video without a film."""
    op.create_table(
        "owed_films",
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("owed_since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("video_id", name="pk_owed_films"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("owed_films")
