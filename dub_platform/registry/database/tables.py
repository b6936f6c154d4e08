"""The tables, as the migrations leave them (a test compares the two on both databases).

    connection.execute(select(videos.c.title).where(videos.c.status == VideoStatus.PREPARED))

What goes in and comes out is Python's: aware UTC datetimes, enum members, `Release`, dicts. Text
is cleaned of what PostgreSQL cannot keep, because titles and tools' words come from outside.
"""

from __future__ import annotations

from datetime import datetime, timezone
from enum import Enum as PythonEnum
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Enum,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)
from sqlalchemy.dialects.postgresql import JSONB

from dub_platform.core.service.access import DEFAULT_TENANT, Scope
from dub_platform.core.service.webhooks import DeliveryState
from dub_platform.core.speech import Release
from dub_platform.core.style.glossary import Glossary
from dub_platform.registry.records import DubStatus, Source, VideoStatus, Visibility

_RELEASE = TypeAdapter(Release)


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(timezone.utc)


def storable(text: str) -> str:
    """`text` without NUL characters and lone surrogates, which PostgreSQL refuses."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def storable_json(value: object) -> object:
    """The JSON value with every text in it, keys too, made storable."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(key): storable_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable_json(item) for item in value]
    return value


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, also on SQLite, which keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone: the registry keeps aware datetimes only.")
        return value and value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            return value.replace(tzinfo=timezone.utc)
        return value and value.astimezone(timezone.utc)


class CleanText(TypeDecorator[str]):
    """Text from outside."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return value and storable(value)


class CleanJson(TypeDecorator[Any]):
    """A JSON object; None is SQL's NULL."""

    impl = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: object, _dialect: Dialect) -> object:
        return storable_json(value)


class ReleaseJson(TypeDecorator[Release]):
    """A `Release` as a JSON object."""

    impl = CleanJson
    cache_ok = True

    def process_bind_param(self, value: Release | None, _dialect: Dialect) -> object:
        return value and _RELEASE.dump_python(value, mode="json")

    def process_result_value(self, value: object, _dialect: Dialect) -> Release | None:
        return _RELEASE.validate_python(value) if value else None


class GlossaryJson(TypeDecorator[Glossary]):
    """A `Glossary` as a JSON object; where there is none, it is an empty one."""

    impl = CleanJson
    cache_ok = True

    def process_bind_param(self, value: Glossary | None, _dialect: Dialect) -> object:
        if value is None:
            return None
        return {word: texts and dict(texts) for word, texts in value.entries.items()}

    def process_result_value(self, value: dict[str, Any] | None, _dialect: Dialect) -> Glossary:
        return Glossary(value or {})


class ScopeSet(TypeDecorator[frozenset[Scope]]):
    """Scopes as words with commas, in one order."""

    impl = String(64)
    cache_ok = True

    def process_bind_param(self, value: frozenset[Scope] | None, _dialect: Dialect) -> str | None:
        return None if value is None else ",".join(sorted(scope.value for scope in value))

    def process_result_value(self, value: str | None, _dialect: Dialect) -> frozenset[Scope]:
        return frozenset(map(Scope, (value or "").split(",")))


class CallStatus(str, PythonEnum):
    """A paid call is open until its result is kept, or until it is known to have cost nothing."""

    OPEN = "open"
    SETTLED = "settled"
    FAILED = "failed"


def _word(kind: type[PythonEnum]) -> Enum:
    """A column of the enum's values as plain text, so that a new one needs no migration."""
    return Enum(
        kind,
        native_enum=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

channels = Table(
    "channels",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("title", CleanText, nullable=False, default=""),
    Column("glossary", GlossaryJson),
    Column("formality", String(16)),
    Column("created_at", UtcDateTime, nullable=False, default=utc_now),
    Column("updated_at", UtcDateTime, nullable=False, default=utc_now, onupdate=utc_now),
)

videos = Table(
    "videos",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("source", _word(Source), nullable=False),
    Column("title", CleanText, nullable=False),
    Column("language", String(16), nullable=False),
    # Both tables say `status`, so that one condition serves both.
    Column(
        "processing_status",
        _word(VideoStatus),
        key="status",
        nullable=False,
        default=VideoStatus.QUEUED,
        index=True,
    ),
    Column("stage", String(64)),
    Column("generation", Integer, nullable=False, default=1),
    Column("created_at", UtcDateTime, nullable=False, default=utc_now),
    Column("updated_at", UtcDateTime, nullable=False, default=utc_now, onupdate=utc_now),
    Column("processing_started_at", UtcDateTime),
    Column("processing_completed_at", UtcDateTime),
    Column("retry_count", Integer, nullable=False, default=0),
    Column("file_size_bytes", BigInteger),
    Column("processing_duration_seconds", Float),
    Column("duration_seconds", Float),
    Column("error_details", CleanJson),
    Column("last_error_at", UtcDateTime),
    Column("upload_key", Text),
    Column("captions_key", Text),
    Column("film_key", Text),
    Column("run_id", String(64)),
    Column("claimed_at", UtcDateTime),
    # No foreign key: SQLite cannot add one to a table that is there.
    Column("channel_id", String(64)),
    Column("losses", Integer, nullable=False, default=0, server_default="0"),
    Column("postponements", Integer, nullable=False, default=0, server_default="0"),
    Column("not_before", UtcDateTime),
    Column("tenant", String(32), nullable=False, server_default=DEFAULT_TENANT),
    # What the source calls it; rows that were there before have it as their id.
    Column("source_id", String(64)),
    Column(
        "visibility",
        _word(Visibility),
        nullable=False,
        server_default=Visibility.PUBLIC.value,
    ),
    Column("request_id", String(64)),
    Column("queued_at", UtcDateTime, default=utc_now),
    # How often what is said in it was changed by somebody.
    Column("revision", Integer, nullable=False, default=0, server_default="0"),
    Column("believed", Boolean, nullable=False, default=False, server_default=false()),
    Column("asked_anew", Boolean, nullable=False, default=False, server_default=false()),
    # Whether its sound is as it was, so that only its transcript is to be made.
    Column("listen_only", Boolean, nullable=False, default=False, server_default=false()),
)

dubs = Table(
    "dubs",
    metadata,
    # The primary key is also the index on video_id.
    Column("video_id", ForeignKey(videos.c.id), primary_key=True),
    Column("language", String(16), primary_key=True),
    Column("status", _word(DubStatus), nullable=False, default=DubStatus.QUEUED, index=True),
    Column("stage", String(64)),
    Column("generation", Integer, nullable=False, default=1),
    Column("created_at", UtcDateTime, nullable=False, default=utc_now),
    Column("updated_at", UtcDateTime, nullable=False, default=utc_now, onupdate=utc_now),
    Column("processing_started_at", UtcDateTime),
    Column("processing_completed_at", UtcDateTime),
    Column("error_details", CleanJson),
    Column("release", ReleaseJson),
    Column("run_id", String(64)),
    Column("claimed_at", UtcDateTime),
    Column("glossary", GlossaryJson),
    Column("formality", String(16)),
    Column("asked_anew", Boolean, nullable=False, server_default=false()),
    Column("losses", Integer, nullable=False, default=0, server_default="0"),
    Column("postponements", Integer, nullable=False, default=0, server_default="0"),
    Column("not_before", UtcDateTime),
    Column("request_id", String(64)),
    Column("queued_at", UtcDateTime, default=utc_now),
    # The version of its translation, and whether its channel is worded otherwise than its release.
    Column("translated", String(16)),
    Column("outworded", Boolean, nullable=False, default=False, server_default=false()),
    # Whether only its video's film is to be made anew, without another dub that was removed.
    Column("film_only", Boolean, nullable=False, default=False, server_default=false()),
)

# The videos whose film was withdrawn with a removed dub, until another one is current.
owed_films = Table(
    "owed_films",
    metadata,
    # No foreign key: the row goes in the transaction that removes the video.
    Column("video_id", String(64), primary_key=True),
    Column("owed_since", UtcDateTime, nullable=False),
)

paid_calls = Table(
    "paid_calls",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    # No foreign key: the account outlives the video.
    Column("video_id", String(64), nullable=False, index=True),
    Column("language", String(16)),
    Column("role", String(32), nullable=False),
    Column("engine", CleanText, nullable=False),
    Column("key", String(64), nullable=False),
    Column("what", CleanText, nullable=False),
    Column("status", _word(CallStatus), nullable=False, default=CallStatus.OPEN),
    Column("units", Integer),
    Column("estimated_usd", Float, nullable=False),
    Column("cost_usd", Float, nullable=False),
    Column("request_id", CleanText),
    Column("reason", CleanText),
    Column("created_at", UtcDateTime, nullable=False, default=utc_now, index=True),
    Column("settled_at", UtcDateTime),
)

answer_uses = Table(
    "answer_uses",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("role", String(32), primary_key=True),
    # No foreign key: it is looked at once the video is removed.
    Column("video_id", String(64), primary_key=True, index=True),
)

line_edits = Table(
    "line_edits",
    metadata,
    # No foreign key: a transcript that is made anew has other lines, and these stay.
    Column("video_id", String(64), primary_key=True),
    Column("language", String(16), primary_key=True),
    # The dub's edits in the order in which they were made, from 1.
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("source", CleanText, nullable=False),
    Column("start", Float, nullable=False),
    Column("end", Float, nullable=False),
    Column("text", CleanText),
    Column("author", String(64)),
    Column("made_at", UtcDateTime, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    # No foreign key: a lease ends by itself.
    Column("video_id", String(64), primary_key=True),
    Column("language", String(16), primary_key=True),
    Column("run_id", String(64), nullable=False),
    Column("renewed_at", UtcDateTime, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    # The part of the token that is no secret.
    Column("id", String(16), primary_key=True),
    Column("tenant", String(32), nullable=False),
    Column("name", CleanText, nullable=False),
    Column("scopes", ScopeSet, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False, default=utc_now),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    # The key that it was made with; none where it was made on the machine.
    Column("counts_as", String(16)),
)

first_answers = Table(
    "first_answers",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("holder", String(32), nullable=False),
    Column("claimed_at", UtcDateTime, nullable=False, index=True),
    Column("digest", String(64)),
    Column("status", Integer),
    Column("headers", CleanJson),
    Column("body", LargeBinary),
)

removals = Table(
    "removals",
    metadata,
    # No foreign key: it is there because the video is not.
    Column("video_id", String(64), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("removed_at", UtcDateTime, nullable=False),
    Column("cleared_at", UtcDateTime, index=True),
)

dub_removals = Table(
    "dub_removals",
    metadata,
    # No foreign key, as above.
    Column("video_id", String(64), primary_key=True),
    Column("language", String(16), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("removed_at", UtcDateTime, nullable=False),
    Column("cleared_at", UtcDateTime, index=True),
)

# Never given twice, also when the newest is gone: who has seen one asks for those after it.
_SERIAL = BigInteger().with_variant(Integer, "sqlite")

events = Table(
    "events",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    # No foreign key: what happened stays true of a video that is gone.
    Column("video_id", String(64), nullable=False),
    Column("language", String(16)),
    Column("type", String(32), nullable=False),
    Column("stage", String(64)),
    Column("generation", Integer, nullable=False),
    Column("error", CleanJson),
    Column("is_last", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, default=utc_now, index=True),
    Index("ix_events_video_id", "video_id", "id"),
    sqlite_autoincrement=True,
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("url", Text, nullable=False),
    Column("events", CleanJson, nullable=False),
    Column("secret", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, default=utc_now),
    Column("tenant", String(32), nullable=False, server_default=DEFAULT_TENANT),
)

deliveries = Table(
    "deliveries",
    metadata,
    # Ids sort by time, so the primary key is also the order of listings.
    Column("id", String(64), primary_key=True),
    Column("webhook_id", ForeignKey(webhooks.c.id, ondelete="CASCADE"), nullable=False),
    Column("type", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("state", _word(DeliveryState), nullable=False, default=DeliveryState.PENDING),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("last_attempt_at", UtcDateTime),
    Column("last_status", Integer),
    Column("last_error", CleanText),
    Index("ix_deliveries_webhook_id", "webhook_id", "id"),
    Index("ix_deliveries_state", "state", "due_at"),
)

tallies = Table(
    "tallies",
    metadata,
    Column("metric", String(64), primary_key=True),
    # The values of the metric's labels, in its order.
    Column("labels", String(255), primary_key=True),
    # The upper end of a histogram's bucket; a counter has none.
    Column("le", String(16), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("sum", Float, nullable=False),
)

speaking_rates = Table(
    "speaking_rates",
    metadata,
    Column("voice", String(255), primary_key=True),
    Column("language", String(16), primary_key=True),
    # No foreign key: how fast a voice is stays true when the video is gone.
    Column("video_id", String(64), primary_key=True),
    Column("rate", Float, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("learned_at", UtcDateTime, nullable=False),
)

# The listing's order: newest first, and the id decides between two of the same moment.
Index("ix_videos_created_at", videos.c.created_at.desc(), videos.c.id.desc())
Index("ix_videos_tenant", videos.c.tenant, videos.c.created_at.desc(), videos.c.id.desc())
