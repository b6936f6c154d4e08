"""Which videos are made with an answer that is kept, whoever paid for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_PAID_FOR = """
    INSERT INTO answer_uses (key, role, video_id)
    SELECT DISTINCT key, role, video_id FROM paid_calls
    WHERE role IN ('transcriber', 'translator')
"""


def upgrade() -> None:
    """Make the table; until now, who paid for an answer was taken for the one who uses it."""
    op.create_table(
        "answer_uses",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("key", "role", "video_id", name="pk_answer_uses"),
    )
    op.create_index("ix_answer_uses_video_id", "answer_uses", ["video_id"])
    op.execute(_PAID_FOR)


def downgrade() -> None:
    """Drop it."""
    op.drop_table("answer_uses")
