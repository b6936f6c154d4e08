"""Speaking rates: how fast a voice spoke each of its dubs, kept over videos.

    rates = SpeakingRates.at("sqlite:///registry.sqlite")
    rates.note("elevenlabs VOICE_ID", "es", "dQw4w9WgXcQ", Pace(13.1, 42))
    rates.of("elevenlabs VOICE_ID", "es")           # [Pace(rate=13.1, lines=42)]

One row for each voice, language and video: a dub that is made again is not counted twice. Nothing
in it is about what was said, so it outlives the video.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, select

from dub_platform.core.timing.fitting import Pace
from dub_platform.registry.database.engine import engine_at, for_reading
from dub_platform.registry.database.statements import insert
from dub_platform.registry.database.tables import speaking_rates, utc_now

# A voice changes with its provider's models: what it did long ago says little.
LATEST_DUBS = 25


class SpeakingRates:
    """Keeps rates in an SQL database. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = for_reading(engine)

    @classmethod
    def at(cls, url: str) -> SpeakingRates:
        """The rates at a SQLAlchemy URL; nothing is connected yet."""
        return cls(engine_at(url))

    def of(self, voice: str, language: str) -> Sequence[Pace]:
        """Return how fast this voice spoke its latest dubs in this language, the newest first."""
        rows = speaking_rates.c
        query = select(rows.rate, rows.lines).filter_by(voice=voice, language=language)
        # By video too, so that what was learned at the same moment has one order.
        newest = query.order_by(rows.learned_at.desc(), rows.video_id).limit(LATEST_DUBS)
        with self._reading.connect() as connection:
            return [Pace(*row) for row in connection.execute(newest)]

    def note(self, voice: str, language: str, video_id: str, pace: Pace) -> None:
        """Write how fast the voice spoke this video, in place of what was noted of it before."""
        seen = {"rate": pace.rate, "lines": pace.lines, "learned_at": utc_now()}
        of = {"voice": voice, "language": language, "video_id": video_id}
        with self._engine.begin() as connection:
            noting = insert(connection, speaking_rates).values(**of, **seen)
            key = list(speaking_rates.primary_key)
            connection.execute(noting.on_conflict_do_update(index_elements=key, set_=seen))
