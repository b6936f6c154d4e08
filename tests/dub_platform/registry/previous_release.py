"""The release before, at work: what its registry said to the schema that it knows.

    old = PreviousRelease(engine)           # the database is at the release's own revision
    old.fill(50_000)
    with old.at_work() as waits:
        upgrade(url)
    assert [] == old.failures

Each statement names the columns that there were and no others, as a registry's statements do that
was built before a migration was written.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, insert, select, update

NOW = datetime(2026, 11, 22, 16, 30, tzinfo=timezone.utc)
RELEASE = {"track_key": "releases/a/es/1f2e/track.m4a"}


class PreviousRelease:
    """Reads and writes as the schema was when this was made."""

    def __init__(self, engine: Engine) -> None:
        self.failures: list[Exception] = []
        self._numbers = itertools.count()
        self._engine = engine
        metadata = MetaData()
        metadata.reflect(engine)
        self._videos, self._dubs = metadata.tables["videos"], metadata.tables["dubs"]
        self._paid = metadata.tables["paid_calls"]

    def fill(self, count: int) -> None:
        """So many videos, each with a dub that is released."""
        with self._engine.begin() as connection:
            videos = [_video(f"there-{n:08}", "prepared") for n in range(count)]
            connection.execute(insert(self._videos), videos)
            dubs = [{**_dub(video["id"], "released"), "release": RELEASE} for video in videos]
            connection.execute(insert(self._dubs), dubs)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[list[float]]:
        """Goes through the life of video after video; the seconds that each transaction took."""
        done, waits = threading.Event(), list[float]()
        thread = threading.Thread(target=self._work, args=(done, waits))
        thread.start()
        try:
            yield waits
        finally:
            done.set()
            thread.join()

    def _work(self, done: threading.Event, waits: list[float]) -> None:
        for number in self._numbers:
            for step in (self._accept, self._list, self._claim, self._prepare, self._release):
                began = time.monotonic()
                try:
                    with self._engine.begin() as connection:
                        step(connection, f"new-{number:08}")
                except Exception as error:  # noqa: BLE001 - each is what the test is for
                    self.failures.append(error)
                waits.append(time.monotonic() - began)
            if done.is_set():
                return

    def _accept(self, connection: Connection, video_id: str) -> None:
        connection.execute(insert(self._videos).values(_video(video_id, "queued")))
        connection.execute(insert(self._dubs).values(_dub(video_id, "queued")))

    def _list(self, connection: Connection, _: str) -> None:
        newest = select(self._videos).order_by(self._videos.c.created_at.desc()).limit(50)
        assert connection.execute(newest).all()

    def _claim(self, connection: Connection, video_id: str) -> None:
        due = select(self._videos.c.id).where(self._videos.c.processing_status == "queued")
        claimed = connection.scalars(due.limit(1).with_for_update(skip_locked=True)).one()
        assert video_id == claimed
        self._set(connection, self._videos, {"id": claimed}, claimed_at=NOW)

    def _prepare(self, connection: Connection, video_id: str) -> None:
        # Once as a run that starts, once as one that ends.
        for status in ("running", "prepared"):
            written = {"processing_status": status, "stage": None, "run_id": "a-run"}
            self._set(connection, self._videos, {"id": video_id}, **written)

    def _release(self, connection: Connection, video_id: str) -> None:
        connection.execute(insert(self._paid).values(_call(video_id)))
        paid = {"status": "settled", "settled_at": NOW}
        self._set(connection, self._paid, {"video_id": video_id}, **paid)
        written = {"status": "released", "release": RELEASE, "updated_at": NOW}
        self._set(connection, self._dubs, {"video_id": video_id}, **written)

    def _set(
        self, connection: Connection, table: Table, row: Mapping[str, str], **values: Any
    ) -> None:
        assert 1 == connection.execute(update(table).filter_by(**row).values(values)).rowcount


def _video(video_id: str, status: str) -> dict[str, Any]:
    return {
        "id": video_id,
        "source": "upload",
        "title": "A title",
        "language": "en",
        "processing_status": status,
        "generation": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "retry_count": 0,
    }


def _dub(video_id: str, status: str) -> dict[str, Any]:
    return {
        "video_id": video_id,
        "language": "es",
        "status": status,
        "generation": 1,
        "created_at": NOW,
        "updated_at": NOW,
    }


def _call(video_id: str) -> dict[str, Any]:
    return {
        "video_id": video_id,
        "role": "voice",
        "engine": "espeak",
        "key": "1f2e",
        "what": "a line",
        "status": "open",
        "estimated_usd": 0.01,
        "cost_usd": 0.0,
        "created_at": NOW,
    }
