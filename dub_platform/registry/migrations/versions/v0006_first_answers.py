"""What requests with an Idempotency-Key were answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table; code that does not know it goes on as before."""
    op.create_table(
        "first_answers",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("holder", sa.String(32), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
        sa.Column("body", sa.LargeBinary),
        sa.PrimaryKeyConstraint("key", name="pk_first_answers"),
    )
    op.create_index("ix_first_answers_claimed_at", "first_answers", ["claimed_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("first_answers")
