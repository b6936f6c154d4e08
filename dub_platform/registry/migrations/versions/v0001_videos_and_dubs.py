"""Videos and their dubs; on PostgreSQL a trigger keeps `updated_at`, whoever writes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_MOMENT = sa.DateTime(timezone=True)
_TABLES = ("videos", "dubs")


def upgrade() -> None:
    """Make both tables."""
    _create_videos()
    _create_dubs()
    if op.get_context().dialect.name == "postgresql":
        _create_triggers()


def downgrade() -> None:
    """Drop both tables, with all that was asked for."""
    for table in reversed(_TABLES):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION keep_updated_at")


def _create_videos() -> None:
    op.create_table(
        "videos",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("processing_status", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(64)),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("processing_started_at", _MOMENT),
        sa.Column("processing_completed_at", _MOMENT),
        sa.Column("retry_count", sa.Integer, nullable=False),
        sa.Column("file_size_bytes", sa.BigInteger),
        sa.Column("processing_duration_seconds", sa.Float),
        sa.Column("duration_seconds", sa.Float),
        sa.Column("error_details", _JSON),
        sa.Column("last_error_at", _MOMENT),
        sa.Column("upload_key", sa.Text),
        sa.Column("captions_key", sa.Text),
        sa.Column("film_key", sa.Text),
        sa.Column("run_id", sa.String(64)),
        sa.Column("claimed_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_videos"),
    )
    op.create_index("ix_videos_processing_status", "videos", ["processing_status"])
    op.create_index(
        "ix_videos_created_at", "videos", [sa.text("created_at DESC"), sa.text("id DESC")]
    )


def _create_dubs() -> None:
    op.create_table(
        "dubs",
        sa.Column("video_id", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(64)),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("processing_started_at", _MOMENT),
        sa.Column("processing_completed_at", _MOMENT),
        sa.Column("error_details", _JSON),
        sa.Column("release", _JSON),
        sa.Column("run_id", sa.String(64)),
        sa.Column("claimed_at", _MOMENT),
        sa.PrimaryKeyConstraint("video_id", "language", name="pk_dubs"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_dubs_video_id"),
    )
    op.create_index("ix_dubs_status", "dubs", ["status"])


def _create_triggers() -> None:
    # clock_timestamp(), because now() stands still in a transaction that waited for a lock.
    op.execute(
        """
        CREATE FUNCTION keep_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.updated_at = clock_timestamp();
            RETURN NEW;
        END $$
        """
    )
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER keep_updated_at BEFORE UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION keep_updated_at()"
        )
