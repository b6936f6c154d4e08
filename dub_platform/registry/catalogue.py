"""The catalogue on SQLite and PostgreSQL: taking in, asking for, editing, listing, removing.

    catalogue = SqlCatalogue(engine_at("postgresql://dub@db/registry"))
    catalogue.accept(NewVideo(id="dQw4w9WgXcQ", source=Source.YOUTUBE), ["es", "ca"])

Tested by `tests/contracts/test_registry.py` on both databases.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    select,
    type_coerce,
    union_all,
    update,
)

from dub_platform.core.errors import InvalidRequestError, PreconditionFailedError
from dub_platform.core.style.wording import AS_BEFORE, Wording
from dub_platform.core.text.edits import LineEdit
from dub_platform.registry.database.tables import CleanJson, channels, dubs, utc_now, videos
from dub_platform.registry.lookup import SqlLookup
from dub_platform.registry.records import (
    Channel,
    Dub,
    DubState,
    NewVideo,
    Video,
    VideoStatus,
    Visibility,
    Whole,
    no_video,
)
from dub_platform.registry.transactions import edits as line_edits
from dub_platform.registry.transactions import events, films, removals
from dub_platform.registry.transactions.channels import (
    CHANNEL_COLUMNS,
    channels_of,
    read_channel,
    tell_outworded,
)
from dub_platform.registry.transactions.listing import dubs_of
from dub_platform.registry.transactions.queueing import (
    QUEUE_VIDEO_AGAIN,
    ask_again,
    change_words,
    has_sound,
    queue_dub,
    queue_failed_video,
    queue_film,
    queue_unbegun,
)
from dub_platform.registry.transactions.rows import (
    DUB_COLUMNS,
    FAILED,
    OF_VIDEO,
    VIDEO_COLUMNS,
    identify,
    insert_missing,
    lock,
    read_dub,
    read_video,
    set_unknown_language,
)

_DUB_BESIDE = tuple(column.label(f"dub_{column.name}") for column in DUB_COLUMNS)
_WHOLES = (
    select(*VIDEO_COLUMNS, channels.c.title, *_DUB_BESIDE)
    .select_from(videos.outerjoin(dubs).outerjoin(channels, channels.c.id == videos.c.channel_id))
    .where(videos.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(videos.c.id, dubs.c.language)
)
_RELEASE = type_coerce(dubs.c.release, CleanJson.impl)
# What a listing tells of a release, without reading all of it; older ones say less.
_OF_RELEASE = {
    "is_released": dubs.c.release.is_not(None),
    "revision": func.coalesce(_RELEASE["revision"].as_integer(), 0),
    "version": func.coalesce(_RELEASE["version"].as_string(), ""),
    "old_edits": func.coalesce(_RELEASE["old_edits"].as_integer(), 0),
}
_DUB_STATE = tuple(
    (_OF_RELEASE[name] if name in _OF_RELEASE else dubs.c[name]).label(name)
    for name in (field.name for field in fields(DubState))
)


class SqlCatalogue(SqlLookup):
    """Keeps the promises of `Catalogue`, for everybody's videos."""

    def accept(
        self, video: NewVideo, languages: Sequence[str], wording: Wording = AS_BEFORE
    ) -> tuple[Video, bool]:
        row = {**asdict(video), "visibility": video.visibility or Visibility.PUBLIC}
        with self._engine.begin() as connection:
            begins = {"generation": removals.first_generation(connection, video.id)}
            created = insert_missing(connection, videos, {**row, **begins})
            if not created:
                _meet_again(connection, video)
            asked = [
                language
                for language in languages
                if queue_dub(connection, video.id, language, wording, video.request_id)
            ]
            # Nothing of it failed that is new, and it has the captions that came with it.
            again = not created and queue_failed_video(connection, video.id, video.request_id)
            if not created:
                _take_captions(connection, video)
            told = [None] if created or again else []
            accepted = read_video(connection, video.id)
            events.tell(connection, video.id, *told, *asked)
            return accepted, created

    def change(
        self, video_id: str, *, visibility: Visibility | None = None, title: str | None = None
    ) -> Video:
        with self._engine.begin() as connection:
            if visibility is not None:
                _set_visibility(connection, video_id, visibility)
            if title is not None:
                named = update(videos).where(videos.c.id == video_id).values(title=title)
                connection.execute(named)
            return read_video(connection, video_id)

    def remove(self, video_id: str) -> None:
        with self._engine.begin() as connection:
            lock(connection, video_id)
            # Read while the row is there: the event goes to its tenant's webhooks.
            tenant = read_video(connection, video_id).tenant
            generation = _newest_generation(connection, video_id)
            removals.note(connection, video_id, generation)
            removals.forget_dubs(connection, video_id)
            line_edits.forget(connection, video_id)
            films.settle(connection, video_id)
            # Dubs refer to their video, so they go first.
            for table, of_video in reversed(OF_VIDEO):
                connection.execute(delete(table).where(of_video == video_id))
            events.tell_end(connection, video_id, generation, tenant=tenant)

    def remove_dub(
        self, video_id: str, language: str, *, request_id: str | None = None
    ) -> str | None:
        table, row = identify(video_id, language)
        with self._engine.begin() as connection:
            lock(connection, video_id)
            there = connection.execute(select(table.c.generation).where(row)).first()
            if there is None and removals.was_removed(connection, video_id, language):
                return None
            dub, film_key = read_dub(connection, video_id, language, held=True), None
            removals.note_dub(connection, video_id, language, dub.generation)
            line_edits.forget(connection, video_id, language)
            connection.execute(delete(table).where(row))
            refilmed: list[str] = []
            if dub.release and (film_key := read_video(connection, video_id).film_key):
                refilmed = queue_film(connection, video_id, request_id)
            events.tell_dub_end(connection, video_id, language, dub.generation)
            events.tell(connection, video_id, *refilmed)
            return film_key

    def ask(
        self,
        video_id: str,
        language: str,
        wording: Wording = AS_BEFORE,
        *,
        read: Dub | None = None,
        request_id: str | None = None,
    ) -> Dub:
        with self._engine.begin() as connection:
            lock(connection, video_id)
            if read is not None and read_dub(connection, video_id, language) != read:
                raise PreconditionFailedError(
                    f"The dub of {video_id} in {language!r} changed since it was read, so nothing "
                    "was asked for: read it again, and send its new ETag as If-Match."
                )
            if queue_dub(connection, video_id, language, wording, request_id, anew=True):
                again = queue_failed_video(connection, video_id, request_id)
                events.tell(connection, video_id, *([None] if again else []), language)
            return read_dub(connection, video_id, language)

    def wholes(self, video_ids: Collection[str]) -> Mapping[str, Whole]:
        with self._reading.connect() as connection:
            rows = connection.execute(_WHOLES, {"ids": list(video_ids)}).all()
        of_video = groupby(rows, key=itemgetter(0))
        return {video_id: _join(list(its)) for video_id, its in of_video}

    def whole(self, video_id: str) -> Whole:
        found = self.wholes([video_id])
        if video_id not in found:
            raise no_video(video_id)
        return found[video_id]

    def dub_states(
        self, video_ids: Sequence[str], *, tenant: str | None = None
    ) -> Mapping[str, Sequence[DubState]]:
        """Return the states as promised; with a `tenant`, only of that tenant's videos."""
        of_videos = and_(dubs.c.video_id.in_(video_ids), *dubs_of(tenant))
        query = select(*_DUB_STATE).where(of_videos).order_by(dubs.c.video_id, dubs.c.language)
        states: dict[str, list[DubState]] = {video_id: [] for video_id in video_ids}
        with self._reading.connect() as connection:
            for row in connection.execute(query):
                states[row.video_id].append(DubState(**row._asdict()))
        return states

    def edit(
        self,
        video_id: str,
        language: str | None,
        edits: Sequence[LineEdit],
        *,
        after: int,
        request_id: str | None = None,
    ) -> bool:
        with self._engine.begin() as connection:
            lock(connection, video_id)
            dub = language and read_dub(connection, video_id, language, held=True)
            added = line_edits.append(connection, video_id, language, edits, after=after)
            if added and not dub:
                change_words(connection, video_id, request_id)
            elif added and dub:
                asked = ask_again(dub.status).where(identify(video_id, language)[1])
                connection.execute(asked.values(updated_at=utc_now(), request_id=request_id))
                events.tell(connection, video_id, language)
        return added

    def caption(self, video_id: str, captions_key: str, *, request_id: str | None = None) -> Video:
        with self._engine.begin() as connection:
            lock(connection, video_id)
            if read_video(connection, video_id).captions_key != captions_key:
                new = {"captions_key": captions_key, "believed": False}
                change_words(connection, video_id, request_id, **new)
            return read_video(connection, video_id)

    def name_language(
        self, video_id: str, language: str, *, request_id: str | None = None
    ) -> Video:
        with self._engine.begin() as connection:
            lock(connection, video_id)
            if read_video(connection, video_id).language != language:
                # Which of a file's sounds is dubbed depends on it, so all is made anew.
                new = {"language": language, "believed": False, "listen_only": False}
                change_words(connection, video_id, request_id, **new)
            return read_video(connection, video_id)

    def believe(self, video_id: str, *, request_id: str | None = None) -> Video:
        with self._engine.begin() as connection:
            lock(connection, video_id)
            of_video = videos.c.id == video_id
            connection.execute(update(videos).where(of_video).values(believed=True))
            failed = QUEUE_VIDEO_AGAIN.where(of_video, videos.c.status == FAILED)
            video = read_video(connection, video_id)
            again = failed.values(request_id=request_id, listen_only=has_sound(video))
            if connection.execute(again).rowcount:
                events.tell(connection, video_id, None, *queue_unbegun(connection, video_id))
            return read_video(connection, video_id)

    def channels(
        self, *, after: str = "", limit: int = 50, tenant: str | None = None
    ) -> Sequence[Channel]:
        """Return the channels as promised; with a `tenant`, only that tenant's."""
        following = and_(channels.c.id > after, *channels_of(tenant))
        query = select(*CHANNEL_COLUMNS).where(following).order_by(channels.c.id).limit(limit)
        with self._reading.connect() as connection:
            return [Channel(**row._asdict()) for row in connection.execute(query)]

    def keep_channel(
        self, channel_id: str, *, title: str | None = None, wording: Wording = AS_BEFORE
    ) -> tuple[Channel, bool]:
        given = {"title": title, "glossary": wording.glossary, "formality": wording.formality}
        said = {name: value for name, value in given.items() if value is not None}
        with self._engine.begin() as connection:
            created = insert_missing(connection, channels, {"id": channel_id, **said})
            if said and not created:
                kept = update(channels).where(channels.c.id == channel_id)
                connection.execute(kept.values(said))
            channel = read_channel(connection, channel_id)
            if said.keys() - {"title"}:
                tell_outworded(connection, channel)
            return channel, created


def _meet_again(connection: Connection, video: NewVideo) -> None:
    """Hold the row of a video that was handed in before, and write what is said of it now.

    Raises InvalidRequestError.
    """
    lock(connection, video.id)
    if read_video(connection, video.id).tenant != video.tenant:
        raise InvalidRequestError(
            "This file cannot be taken as it is, because of what its content hashes to. "
            "Save it anew, so that it differs by a byte, and hand that in."
        )
    if video.visibility is not None:
        _set_visibility(connection, video.id, video.visibility)
    set_unknown_language(connection, video.id, video.language)


def _take_captions(connection: Connection, video: NewVideo) -> None:
    """Use captions that came later, while no run has begun that would have to read them."""
    waits = and_(videos.c.id == video.id, videos.c.status == VideoStatus.QUEUED.value)
    if video.captions_key is not None:
        connection.execute(update(videos).where(waits).values(captions_key=video.captions_key))


def _set_visibility(connection: Connection, video_id: str, visibility: Visibility) -> None:
    shown = update(videos).where(videos.c.id == video_id).values(visibility=visibility)
    connection.execute(shown)


def _newest_generation(connection: Connection, video_id: str) -> int:
    """Return the highest generation that the video or one of its dubs has come to."""
    generations = union_all(
        *(select(table.c.generation).where(id_column == video_id) for table, id_column in OF_VIDEO)
    )
    found = [int(generation) for generation in connection.execute(generations).scalars()]
    return max(*found, removals.newest_dub_generation(connection, video_id))


def _join(rows: Sequence[Row[Any]]) -> Whole:
    """Make one value of a video's rows, of which it has one for each dub."""
    end = len(VIDEO_COLUMNS)
    # A video without dubs is a row of its own, with nothing beside it.
    its = [Dub(*row[end + 1 :]) for row in rows if row[end + 1] is not None]
    return Whole(Video(*rows[0][:end]), its, rows[0][end])
