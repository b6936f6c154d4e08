"""Takes: spoken and paid once, checked before they are kept, and kept for all that is the same."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from sqlalchemy import select

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import (
    BadTakeError,
    CostCapError,
    EngineFailedError,
    LanguageNotAvailableError,
    ProviderRefusedError,
    ProviderUnavailableError,
    StorageFullError,
)
from dub_platform.core.service.cost import Caps
from dub_platform.core.speech import Take, TranslatedLine
from dub_platform.core.style.casting import Casting
from dub_platform.registry.database.engine import engine_at
from dub_platform.registry.database.tables import paid_calls
from dub_platform.registry.ledger import PaidCalls
from resources.providers.ledger import CappedLedger
from resources.providers.paid_once import Bill
from resources.store.copies import Copies
from resources.store.local import LocalStore
from resources.system.calls import CallPolicy
from resources.system.workfolder import WorkFolders
from resources.voice.elevenlabs import ElevenLabsVoice
from resources.voice.espeak import EspeakVoice
from resources.voice.port import Reading, Voice
from resources.voice.takes import TakeKeeper, readings
from tests.support.full_disks import no_file_beyond
from tests.support.new_registries import make_registry
from tests.support.patience import HANG_SECONDS
from tests.support.recipes.media import Sound, noise, silence, tone
from tests.support.servers.providers.elevenlabs_server import VOICES, ElevenLabsServer
from tests.support.servers.providers.speech_provider import Fault, Faults

LINE = TranslatedLine(0, "Mi padre era pescador y me enseñó a leer el viento.")
LINES = (
    LINE,
    TranslatedLine(1, "El agua está fría, pero a la gente le encanta el mar."),
    TranslatedLine(2, "Hoy el mercado está lleno de pescado fresco y de pan."),
    TranslatedLine(3, "Vuelva mañana, y le enseñaremos la vieja casa del faro."),
)
SPEAKERS = {0: "1", 1: "1", 2: "2", 3: "1"}
RATE = 22_050
PRICE = 0.10
KEEP = timedelta(days=30)

Spoil = Callable[[Path], object]


class WatchedVoice(EspeakVoice):
    """eSpeak NG with a record of what it was asked to speak, whose recordings can be spoilt."""

    def __init__(self, words_per_minute: int = 165, spoil: Spoil | None = None) -> None:
        super().__init__(words_per_minute)
        self.asked: list[str] = []
        self.spoil = spoil

    def speak(self, reading: Reading, *, into: Path, bill: Bill) -> None:
        """As eSpeak NG does, and then spoilt."""
        self.asked.append(reading.text)
        super().speak(reading, into=into, bill=bill)
        if self.spoil:
            self.spoil(into)


class HeldVoice(WatchedVoice):
    """Speaks two at once, and the first line only when the second has failed."""

    parallel = 2

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.failed = threading.Event(), threading.Event()

    def speak(self, reading: Reading, *, into: Path, bill: Bill) -> None:
        """The first line waits for the failure, and the second fails when the first has begun."""
        if reading.text == LINES[0].text:
            self.begun.set()
            assert self.failed.wait(HANG_SECONDS)
        if reading.text == LINES[1].text:
            assert self.begun.wait(HANG_SECONDS)
            self.asked.append(reading.text)
            self.failed.set()
            raise EngineFailedError("It did not work.")
        super().speak(reading, into=into, bill=bill)


class Home:
    """A store, a spool and a ledger in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = LocalStore(folder / "store", "http://dub.test/media")
        self.folders = WorkFolders(folder / "spool")
        self.url = f"sqlite:///{folder / 'registry.sqlite'}"
        make_registry(self.url)

    def keeper(self, voice: Voice, caps: Caps = Caps()) -> TakeKeeper:  # noqa: B008 - it is frozen
        ledger = CappedLedger(PaidCalls.at(self.url), caps)
        return TakeKeeper(self.store, voice, self.folders, ledger, KEEP)

    def rows(self) -> list[dict[str, Any]]:
        """The ledger's rows, in the order they were opened."""
        with engine_at(self.url).connect() as connection:
            rows = connection.execute(select(paid_calls).order_by(paid_calls.c.id)).mappings()
            return [dict(row) for row in rows]

    def kept(self) -> list[str]:
        """The names of all files in store and spool."""
        return sorted(
            path.name
            for part in ("store", "spool")
            for path in (self.folder / part).rglob("*")
            if path.is_file()
        )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One that has kept nothing yet."""
    return Home(tmp_path)


@pytest.fixture
def voice() -> Iterator[WatchedVoice]:
    """The real engine, watched."""
    made = WatchedVoice()
    yield made
    made.close()


@pytest.fixture
def keeper(home: Home, voice: WatchedVoice) -> TakeKeeper:
    """One that has kept nothing yet."""
    return home.keeper(voice)


@pytest.fixture
def faults() -> list[Fault | None]:
    """The script of the provider's faults, to be filled by the test before the first request."""
    return []


@pytest.fixture
def server(tmp_path: Path, faults: list[Fault | None]) -> Iterator[ElevenLabsServer]:
    """A provider that is paid."""
    with ElevenLabsServer(tmp_path / "asked.jsonl", Faults(faults)) as opened:
        yield opened


def paid_voice(server: ElevenLabsServer, **options: Any) -> ElevenLabsVoice:
    policy = CallPolicy(try_seconds=HANG_SECONDS, deadline_seconds=HANG_SECONDS, first_pause=0.01)
    return ElevenLabsVoice(
        server.key,
        Casting.parse(f"*:2={VOICES[1]}, default={VOICES[0]}"),
        usd_per_1000_characters=PRICE,
        base_url=server.url,
        **{"policy": policy, **options},
    )


def takes_of(
    keeper: TakeKeeper,
    lines: Sequence[TranslatedLine],
    language: str = "es",
    speakers: Mapping[int, str] = SPEAKERS,
    video_id: str = "video",
    say: Callable[[str], object] = lambda _: None,
) -> tuple[Take, ...]:
    """The takes of lines, as a run of its own asks for them."""
    with Copies(keeper.store, keeper.folders) as copies:
        return keeper.takes_of(video_id, lines, language, speakers, copies, say=say)


def take_of(
    keeper: TakeKeeper, line: TranslatedLine = LINE, language: str = "es", speaker: str = "1"
) -> Take:
    """The take of one line that stands alone."""
    (take,) = takes_of(keeper, [line], language, {line.id: speaker})
    return take


def recording(keeper: TakeKeeper, take: Take, folder: Path) -> tuple[Sound, int]:
    """The samples (frames,) of a take that is kept, and their rate."""
    sound, rate = soundfile.read(keeper.store.fetch(take.audio_key, folder), dtype="float32")
    return sound, rate


def usd(*lines: TranslatedLine) -> Any:
    """What the lines cost, each spoken once."""
    return pytest.approx(sum(len(line.text) for line in lines) * PRICE / 1000)


class TestOneTake:
    """What is kept of a line, and for whom."""

    def test_a_take_says_what_it_is(self, keeper: TakeKeeper, tmp_path: Path) -> None:
        """Its length is the recording's, and its speech lies inside."""
        take = take_of(keeper)
        sound, rate = recording(keeper, take, tmp_path)
        assert (0, len(LINE.text), 0.0, False) == (
            take.line_id, take.characters, take.cost_usd, take.reused
        )  # fmt: skip
        assert len(sound) / rate == take.seconds
        assert 0.0 <= take.speech_start < take.speech_end <= take.seconds
        assert 2.0 < take.speech_seconds < 4.0

    def test_the_speech_of_a_take_is_all_its_sound(
        self, keeper: TakeKeeper, tmp_path: Path
    ) -> None:
        """Nothing audible lies outside of it, and it is not wider than that by a tenth."""
        take = take_of(keeper)
        sound, rate = recording(keeper, take, tmp_path)
        loud = np.flatnonzero(np.abs(sound) > 0.05 * np.abs(sound).max()) / rate
        assert 0.0 <= loud[0] - take.speech_start < 0.1
        assert 0.0 <= take.speech_end - loud[-1] < 0.15

    def test_a_take_is_spoken_once(self, keeper: TakeKeeper, voice: WatchedVoice) -> None:
        """The second time it is reused: the same take, and the voice is not asked."""
        first, second = take_of(keeper), take_of(keeper)
        assert replace(first, reused=True) == second
        assert [LINE.text] == voice.asked

    def test_a_take_serves_every_line_that_says_the_same(
        self, keeper: TakeKeeper, voice: WatchedVoice
    ) -> None:
        """In another place, and in another video; each take names its own line."""
        lines = [LINE, TranslatedLine(7, LINE.text)]
        first, again = takes_of(keeper, lines, "es", {0: "1", 7: "1"})
        (other,) = takes_of(keeper, [LINE], video_id="other")
        assert [(0, False), (7, True), (0, True)] == [
            (take.line_id, take.reused) for take in (first, again, other)
        ]
        assert {first.key} == {again.key, other.key}
        assert [LINE.text] == voice.asked

    def test_another_keeper_of_the_same_store_reuses_it(
        self, keeper: TakeKeeper, home: Home
    ) -> None:
        """What a run has paid for, no later run pays for."""
        take_of(keeper)
        later = WatchedVoice()
        assert take_of(home.keeper(later)).reused
        assert [] == later.asked

    def test_a_reused_take_is_as_young_as_a_new_one(self, keeper: TakeKeeper, home: Home) -> None:
        """Old takes that nobody wants are removed, and this one is wanted."""
        receipt = home.store.path(take_of(keeper).audio_key).with_suffix(".json")
        began = time.time() - 1
        for days in (16, 31, 20_000):
            os.utime(receipt, (began - days * 86_400,) * 2)
            assert take_of(keeper).reused
            assert receipt.stat().st_mtime > began

    def test_a_take_that_is_young_is_not_written_again(
        self, keeper: TakeKeeper, home: Home
    ) -> None:
        """It stays for half of its time at least, which is longer than any run."""
        receipt = home.store.path(take_of(keeper).audio_key).with_suffix(".json")
        before = time.time() - 14 * 86_400
        os.utime(receipt, (before, before))
        assert take_of(keeper).reused
        assert pytest.approx(before) == receipt.stat().st_mtime

    def test_a_take_that_lost_its_sound_is_spoken_again(
        self, keeper: TakeKeeper, home: Home, voice: WatchedVoice
    ) -> None:
        """A receipt alone is not believed, or the dub could never be made."""
        take = take_of(keeper)
        home.store.delete(take.audio_key)
        assert take == take_of(keeper)
        assert [LINE.text] * 2 == voice.asked

    def test_what_shapes_the_sound_makes_another_take(self, keeper: TakeKeeper, home: Home) -> None:
        """Text, language, speaker and speed, each by itself."""
        faster = WatchedVoice(words_per_minute=180)
        takes = [
            take_of(keeper),
            take_of(keeper, TranslatedLine(0, LINE.text + ".")),
            take_of(keeper, language="ca"),
            take_of(keeper, speaker="2"),
            take_of(home.keeper(faster)),
        ]
        faster.close()
        assert 5 == len({take.key for take in takes}) == len({take.audio_key for take in takes})
        assert [False] * 5 == [take.reused for take in takes]

    def test_a_spoken_take_leaves_nothing_in_the_spool(
        self, keeper: TakeKeeper, home: Home
    ) -> None:
        """Recording and receipt are kept, under its key."""
        take = take_of(keeper)
        assert sorted([f"{take.key}.flac", f"{take.key}.json"]) == home.kept()

    @pytest.mark.parametrize(
        "text", ["Sí.", "No.", "¿Qué?", "¡¡¡Ay!!!", "«¿Y...?»", "1984", "1.000.000", "25 %", "A"]
    )
    def test_short_and_odd_lines_are_plausible(self, keeper: TakeKeeper, text: str) -> None:
        """Marks are not spoken, and figures take their time: neither is a bad recording."""
        assert take_of(keeper, TranslatedLine(0, text)).speech_seconds > 0.05


def half(path: Path) -> None:
    """The recording, well-formed, with only the first half of its speech."""
    sound, rate = soundfile.read(path)
    soundfile.write(path, sound[: len(sound) // 2], rate)


def torn(path: Path) -> None:
    """The first half of the file's bytes: its header still claims the whole."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    "spoil",
    [
        half,
        torn,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"<html>Too many requests</html>"),
        lambda path: soundfile.write(path, silence(0.0), RATE),
        lambda path: soundfile.write(path, silence(0.005, rate=RATE), RATE),
        lambda path: soundfile.write(path, silence(3.0, rate=RATE), RATE),
        lambda path: soundfile.write(path, noise(3.0, db=-80, rate=RATE), RATE),
        lambda path: soundfile.write(path, tone(440, 90.0, rate=RATE), RATE),
    ],
    ids=["half", "torn", "empty file", "a page", "empty", "a click", "silence", "hiss", "endless"],
)
def test_a_bad_recording_is_not_kept(home: Home, spoil: Spoil) -> None:
    """It is refused, nothing of it stays, and the line is spoken anew the next time."""
    voice = WatchedVoice(spoil=spoil)
    keeper = home.keeper(voice)
    with pytest.raises(BadTakeError, match=rf"^Line {LINE.id}: "):
        take_of(keeper)
    assert [] == home.kept()
    voice.spoil = None
    assert not take_of(keeper).reused
    voice.close()


@pytest.mark.parametrize("file", ["take.wav", "take.flac"])
def test_a_full_disk_is_named_and_keeps_nothing(
    home: Home, keeper: TakeKeeper, voice: WatchedVoice, file: str
) -> None:
    """Neither a half take nor a receipt; with space, the line is spoken as for the first time."""
    if file == "take.flac":
        # The voice is a process of its own: started before, it finds space.
        take_of(keeper, LINES[1])
    before = home.kept()
    with no_file_beyond(1_000), pytest.raises(StorageFullError, match=f"{file} could not"):
        take_of(keeper)
    assert before == home.kept()
    voice.close()
    assert not take_of(keeper).reused


class TestManyLines:
    """Several at once, in order, and what happens when one fails."""

    def test_takes_come_in_the_order_of_the_lines(self, keeper: TakeKeeper) -> None:
        """And each line that is done is told."""
        told: list[str] = []
        takes = takes_of(keeper, LINES, say=told.append)
        assert [0, 1, 2, 3] == [take.line_id for take in takes]
        assert [f"Line {number} of 4 is spoken." for number in (1, 2, 3, 4)] == told

    def test_lines_that_were_spoken_before_are_told_apart(self, keeper: TakeKeeper) -> None:
        """Only what is new is spoken."""
        takes_of(keeper, LINES[:3])
        told: list[str] = []
        takes = takes_of(keeper, LINES, say=told.append)
        assert [True, True, True, False] == [take.reused for take in takes]
        assert ["was spoken before."] * 3 + ["is spoken."] == [
            line.partition(" of 4 ")[2] for line in told
        ]

    def test_no_lines_are_no_takes(self, keeper: TakeKeeper) -> None:
        """An empty translation is no error here."""
        assert () == takes_of(keeper, [], "es", {})

    def test_a_failure_stops_new_lines_and_keeps_those_under_way(self, home: Home) -> None:
        """The line beside it is finished and kept, and the others are not begun."""
        voice = HeldVoice()
        with pytest.raises(EngineFailedError):
            takes_of(home.keeper(voice), LINES)
        voice.close()
        assert sorted(line.text for line in LINES[:2]) == sorted(voice.asked)
        assert 2 == len(home.kept())

    def test_as_many_are_spoken_at_once_as_the_voice_allows(
        self, home: Home, server: ElevenLabsServer
    ) -> None:
        """And never more."""
        lines = [TranslatedLine(number, f"{LINE.text} {number}") for number in range(12)]
        keeper = home.keeper(paid_voice(server, parallel=3))
        takes_of(keeper, lines, "es", dict.fromkeys(range(12), "1"))
        assert 1 < server.most_at_once <= 3
        assert 12 == len(server.asked())

    def test_who_speaks_next_to_a_line_decides_what_it_is_told(self) -> None:
        """Neighbours are given where the same person speaks them, and nothing at the ends."""
        told = [
            (reading.previous, reading.following, reading.name)
            for reading in readings(LINES, "es", SPEAKERS)
        ]
        assert [
            ("", LINES[1].text, "line 1 in es"),
            (LINES[0].text, "", "line 2 in es"),
            ("", "", "line 3 in es"),
            ("", "", "line 4 in es"),
        ] == told

    def test_a_changed_line_is_spoken_again_with_its_neighbours_only(
        self, home: Home, server: ElevenLabsServer
    ) -> None:
        """The neighbours were spoken for other words; a line of somebody else's was not."""
        keeper = home.keeper(paid_voice(server))
        takes_of(keeper, LINES)
        changed = (LINES[0], TranslatedLine(1, "El agua está helada."), *LINES[2:])
        takes = takes_of(keeper, changed)
        assert [False, False, True, True] == [take.reused for take in takes]

    def test_an_edited_line_is_spoken_again_alone(
        self, home: Home, server: ElevenLabsServer
    ) -> None:
        """Its neighbours are read beside what was written there before the edit."""
        keeper = home.keeper(paid_voice(server))
        takes_of(keeper, LINES)
        edit = TranslatedLine(1, "El agua está helada.", draft=LINES[1].text)
        takes = takes_of(keeper, (LINES[0], edit, *LINES[2:]))
        assert [True, False, True, True] == [take.reused for take in takes]
        asked = server.asked()[-1]
        assert (edit.text, LINES[0].text) == (asked["text"], asked["noted"]["previous_text"])

    def test_a_language_it_does_not_speak_costs_nothing(
        self, home: Home, server: ElevenLabsServer
    ) -> None:
        """It is refused before a row is opened."""
        with pytest.raises(LanguageNotAvailableError):
            takes_of(home.keeper(paid_voice(server)), LINES, "eo", SPEAKERS)
        assert ([], [], []) == (home.rows(), server.asked(), home.kept())


def until_done(keeper: TakeKeeper) -> tuple[Take, ...]:
    """The takes of all lines, asked for again while the provider does not do them."""
    for _ in range(5):
        with contextlib.suppress(ProviderUnavailableError):
            return takes_of(keeper, LINES)
    raise AssertionError("the faults are at an end by now")


class TestLedger:
    """What is written down of what is paid."""

    def test_a_free_voice_opens_no_row(self, keeper: TakeKeeper, home: Home) -> None:
        """There is nothing to account for."""
        takes_of(keeper, LINES)
        assert [] == home.rows()

    def test_each_paid_take_is_a_settled_row(self, home: Home, server: ElevenLabsServer) -> None:
        """With the video, the line, the key, the units, the price and the provider's request."""
        (take,) = takes_of(home.keeper(paid_voice(server)), [LINE])
        (row,) = home.rows()
        expected = {
            "video_id": "video",
            "language": "es",
            "role": "voice",
            "engine": "elevenlabs eleven_multilingual_v2",
            "key": take.key,
            "what": "line 1 in es",
            "status": "settled",
            "units": len(LINE.text),
            "estimated_usd": usd(LINE),
            "cost_usd": usd(LINE),
            "request_id": "req_000001",
            "reason": None,
        }
        assert expected == {name: row[name] for name in expected}
        assert usd(LINE) == take.cost_usd

    def test_what_is_kept_is_not_paid_again(self, home: Home, server: ElevenLabsServer) -> None:
        """No row, no request."""
        keeper = home.keeper(paid_voice(server))
        first = takes_of(keeper, LINES)
        again = takes_of(keeper, LINES)
        assert [replace(take, reused=True) for take in first] == list(again)
        assert (4, 4) == (len(home.rows()), len(server.asked()))

    @pytest.mark.parametrize("parallel", [1, 4])
    def test_what_was_paid_before_a_failure_is_used_by_the_next_try(
        self, home: Home, server: ElevenLabsServer, faults: list[Fault | None], parallel: int
    ) -> None:
        """Every line is paid once, however many runs it took."""
        # Ten are more than three for each of the three lines that do not go well at once.
        faults += [None, *[Fault.ERROR] * 10]
        keeper = home.keeper(paid_voice(server, parallel=parallel))
        with pytest.raises(ProviderUnavailableError):
            takes_of(keeper, LINES)
        takes = until_done(keeper)
        assert sum(len(line.text) for line in LINES) == sum(
            entry["charged_characters"] for entry in server.asked()
        )
        assert usd(*LINES) == sum(row["cost_usd"] for row in home.rows())
        assert usd(*LINES) == sum(take.cost_usd for take in takes)

    def test_refused_takes_are_paid_and_said_so(
        self, home: Home, server: ElevenLabsServer, faults: list[Fault | None]
    ) -> None:
        """A silent take was charged for as a good one; nothing of it is kept."""
        faults += [Fault.SILENT] * 3
        with pytest.raises(BadTakeError):
            takes_of(home.keeper(paid_voice(server)), [LINE])
        (row,) = home.rows()
        assert ("settled", 3 * len(LINE.text)) == (row["status"], row["units"])
        assert usd(LINE, LINE, LINE) == row["cost_usd"]
        assert [] == home.kept()

    def test_a_refused_request_costs_nothing(self, home: Home, server: ElevenLabsServer) -> None:
        """Its row is closed and says why, with the provider's words."""
        voice = paid_voice(server, model="eleven_v9")
        with pytest.raises(ProviderRefusedError):
            takes_of(home.keeper(voice), [LINE])
        (row,) = home.rows()
        assert ("failed", 0.0) == (row["status"], row["cost_usd"])
        assert "refused line 1 in es: 400: model_not_found" in row["reason"]

    def test_a_take_that_cannot_be_stored_is_paid_all_the_same(
        self, home: Home, server: ElevenLabsServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The ledger has it, though the store is full."""

        def full(*_: object) -> None:
            raise StorageFullError("The disk is full.")

        monkeypatch.setattr(home.store, "put_file", full)
        with pytest.raises(StorageFullError):
            takes_of(home.keeper(paid_voice(server)), [LINE])
        assert [("settled", usd(LINE))] == [(row["status"], row["cost_usd"]) for row in home.rows()]

    def test_a_cap_stops_before_the_next_paid_call(
        self, home: Home, server: ElevenLabsServer
    ) -> None:
        """What was spoken before is kept, and nothing above the cap is asked for."""
        caps = Caps(per_video_usd=1.5 * len(LINE.text) * PRICE / 1000)
        with pytest.raises(CostCapError):
            takes_of(home.keeper(paid_voice(server, parallel=1), caps), LINES)
        assert (1, 1, 2) == (len(home.rows()), len(server.asked()), len(home.kept()))

    def test_two_that_want_the_same_take_pay_once(
        self, home: Home, server: ElevenLabsServer
    ) -> None:
        """Whoever comes second waits and finds it, in one process or in several."""
        keepers = [home.keeper(paid_voice(server)) for _ in range(4)]
        at_once([lambda keeper=keeper: take_of(keeper) for keeper in keepers])  # type: ignore[misc]
        assert (1, 1) == (len(home.rows()), len(server.asked()))
