"""How fast each voice spoke each dub, from which the next one's budgets are learned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the table; what was spoken until now has left no word of it."""
    op.create_table(
        "speaking_rates",
        sa.Column("voice", sa.String(255), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("rate", sa.Float, nullable=False),
        sa.Column("lines", sa.Integer, nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("voice", "language", "video_id", name="pk_speaking_rates"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("speaking_rates")
