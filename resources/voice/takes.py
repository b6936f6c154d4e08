"""Takes: lines spoken once, checked, paid for once, and kept under a key of all that shapes them.

    keeper = TakeKeeper(store, voice, folders, ledger, keep=timedelta(days=30))
    takes = keeper.takes_of("dQw4w9WgXcQ", translation.lines, "es", {0: "1", 1: "2"}, copies)

A take that is kept is never spoken again and never paid again. A recording is kept only after
it was decoded, holds speech, and is as long as a line of its length can be. It is paid for as
`resources/providers/paid_once.py` says.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import MappingProxyType

from pydantic import TypeAdapter

from dub_platform.core.errors import ArtifactMissingError, BadTakeError
from dub_platform.core.keys import take_key
from dub_platform.core.service.cost import PaidCall
from dub_platform.core.speech import Take, TranslatedLine
from resources.providers.ledger import Ledger
from resources.providers.paid_once import Bill, PaidOnce
from resources.store.copies import AT_ONCE, Copies
from resources.store.port import Store
from resources.store.values import find_bytes
from resources.system.file_lock import hold_lock
from resources.system.threads import ContextPool
from resources.system.workfolder import WorkFolders
from resources.voice.port import Reading, Voice
from resources.voice.recording import decode_recording, find_speech, write_sound

ROLE = "voice"
AT_REST: Mapping[int, float] = MappingProxyType({})
_RECEIPT = TypeAdapter(Take)


@dataclass(frozen=True)
class _Wanted:
    """A line that is to have a take, and the key of that."""

    line_id: int
    reading: Reading
    key: str


@dataclass(frozen=True)
class TakeKeeper:
    """Speaks lines with a voice, or finds that they were spoken before.

    `keep` is how long a take stays that no dub is made of.
    """

    store: Store
    voice: Voice
    folders: WorkFolders
    ledger: Ledger
    keep: timedelta

    def takes_of(
        self,
        video_id: str,
        lines: Sequence[TranslatedLine],
        language: str,
        speakers: Mapping[int, str],
        copies: Copies,
        say: Callable[[str], object] = lambda _: None,
        only: Collection[int] | None = None,
        paces: Mapping[int, float] = AT_REST,
    ) -> tuple[Take, ...]:
        """Return the takes of all lines, in their order, spoken as many at once as the voice
        allows.

        `speakers` are by line id; `copies` has the recordings of those that were spoken before;
        `only` has the ids of those to speak, if it is not all of them; `paces` has, by line id, how
        many times as fast as usual; `say` is told of each line that is done. After a failure no new
        line is begun, and those that are under way are finished and kept. Raises what went wrong
        first in the order of lines: BadTakeError, ProviderError, CostCapError, StorageError.
        """
        wanted = [
            _Wanted(line.id, reading, self._key_of(reading))
            for line, reading in zip(lines, readings(lines, language, speakers, paces), strict=True)
            if only is None or line.id in only
        ]
        takes = self._find_all({each.key for each in wanted}, copies)
        missing = [each for each in wanted if each.key not in takes]
        told = _Progress(len(wanted), say)
        told.tell(len(wanted) - len(missing), "was spoken before")
        spoken = iter(self._speak_all(video_id, missing, copies, told))
        return tuple(
            dataclasses.replace(takes.get(each.key) or next(spoken), line_id=each.line_id)
            for each in wanted
        )

    def find_kept(
        self,
        lines: Sequence[TranslatedLine],
        language: str,
        speakers: Mapping[int, str],
        line_id: int,
    ) -> Take | None:
        """Return the take of one of these lines, if it was spoken before; it is not spoken here.

        Raises StorageError.
        """
        pairs = zip(lines, readings(lines, language, speakers), strict=True)
        reading = next(reading for line, reading in pairs if line.id == line_id)
        written = find_bytes(self.store, _receipt_key(self._key_of(reading)))
        if written is None:
            return None
        return dataclasses.replace(_RECEIPT.validate_json(written), line_id=line_id, reused=True)

    def _key_of(self, reading: Reading) -> str:
        shape = self.voice.shape(reading)
        return take_key(text=reading.text, engine=str(shape["engine"]), shape=shape)

    def _find_all(self, keys: Collection[str], copies: Copies) -> Mapping[str, Take]:
        """Return the takes that are kept, by their keys."""
        with ContextPool(AT_ONCE, thread_name_prefix="find") as pool:
            found = pool.map(lambda key: self._find(key, copies), keys)
            return {key: take for key, take in zip(keys, found, strict=True) if take}

    def _find(self, key: str, copies: Copies) -> Take | None:
        try:
            written, put_at = self.store.read_dated(_receipt_key(key))
            copies.fetch(_audio_key(key))
        except ArtifactMissingError:
            return None
        # What is about to be used must not look as old as what nobody wants any more.
        if put_at < datetime.now(timezone.utc) - self.keep / 2:
            self.store.put_bytes(_receipt_key(key), written)
        return dataclasses.replace(_RECEIPT.validate_json(written), reused=True)

    def _speak_all(
        self, video_id: str, missing: Sequence[_Wanted], copies: Copies, told: _Progress
    ) -> Sequence[Take]:
        over = threading.Event()
        with ContextPool(self.voice.parallel, thread_name_prefix="take") as pool:
            work = [
                pool.submit(self._find_or_speak, over, video_id, each, copies) for each in missing
            ]
            try:
                _tell(work, told)
            finally:
                over.set()
        return list(_results(work))

    def _find_or_speak(
        self, over: threading.Event, video_id: str, wanted: _Wanted, copies: Copies
    ) -> Take:
        if over.is_set():
            raise CancelledError
        try:
            # Who comes second for the same take waits here, and then finds it.
            with hold_lock(self.folders.root / f"turn-{wanted.key}"):
                return self._find(wanted.key, copies) or self._buy(video_id, wanted)
        except BadTakeError as error:
            over.set()
            raise BadTakeError(
                f"Line {wanted.line_id}: {error.sentence}", detail=error.detail
            ) from error
        except BaseException:
            over.set()
            raise

    def _buy(self, video_id: str, wanted: _Wanted) -> Take:
        reading = wanted.reading
        call = PaidCall(
            video_id=video_id,
            language=reading.language,
            role=ROLE,
            engine=str(self.voice.shape(reading)["engine"]),
            key=wanted.key,
            what=reading.name,
            estimated_usd=self.voice.cost_usd(reading.text),
        )
        paid = PaidOnce(self.store, self.ledger, ROLE)
        return paid.buy(call, lambda bill: self._speak(reading, wanted.key, bill))

    def _speak(self, reading: Reading, key: str, bill: Bill) -> Take:
        audio_key = _audio_key(key)
        with self.folders.new("take") as folder:
            wav, flac = folder / "take.wav", folder / "take.flac"
            self.voice.speak(reading, into=wav, bill=bill)
            recording = decode_recording(wav)
            start, end = find_speech(recording, reading.text)
            write_sound(flac, recording.sound, recording.rate)
            self.store.put_file(audio_key, flac)
        take = Take(
            line_id=0,
            key=key,
            audio_key=audio_key,
            seconds=recording.seconds,
            speech_start=start,
            speech_end=end,
            characters=bill.units,
            cost_usd=bill.cost_usd,
        )
        # The receipt is written last: a take without one is spoken again, never half believed.
        self.store.put_bytes(_receipt_key(key), _RECEIPT.dump_json(take))
        return take


def readings(
    lines: Sequence[TranslatedLine],
    language: str,
    speakers: Mapping[int, str],
    paces: Mapping[int, float] = AT_REST,
) -> Iterator[Reading]:
    """Tell how each line is to be read: by whom, and between which words of their own."""

    def beside(line: TranslatedLine, other: int) -> str:
        there = 0 <= other < len(lines) and speakers[lines[other].id] == speakers[line.id]
        # Not the edit: who edits one line would pay for its neighbours too.
        return lines[other].text_for_neighbours if there else ""

    for place, line in enumerate(lines):
        yield Reading(
            text=line.text,
            language=language,
            speaker=speakers[line.id],
            previous=beside(line, place - 1),
            following=beside(line, place + 1),
            name=f"line {place + 1} in {language}",
            pace=paces.get(line.id, 1.0),
        )


def _audio_key(key: str) -> str:
    return f"takes/{key[:2]}/{key}.flac"


def _receipt_key(key: str) -> str:
    return f"takes/{key[:2]}/{key}.json"


class _Progress:
    """Tells of each of `count` lines that is done."""

    def __init__(self, count: int, say: Callable[[str], object]) -> None:
        self._count, self._say, self._done = count, say, 0

    def tell(self, lines: int, how: str) -> None:
        for _ in range(lines):
            self._done += 1
            self._say(f"Line {self._done} of {self._count} {how}.")


def _tell(work: Sequence[Future[Take]], told: _Progress) -> None:
    for future in as_completed(work):
        if future.exception() is None:
            told.tell(1, "was spoken before" if future.result().reused else "is spoken")


def _results(work: Sequence[Future[Take]]) -> Iterator[Take]:
    for future in work:
        error = future.exception()
        # Lines that were not begun any more say nothing about what went wrong.
        if error and not isinstance(error, CancelledError):
            raise error
    yield from (future.result() for future in work)
