"""Takes: spoken once, checked before they are kept, and kept for all that is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dub_platform.core.errors import BadTakeError
from dub_platform.core.speech import Take, TranslatedLine
from resources.store import LocalStore
from resources.takes import TakeKeeper, speech_bounds
from resources.voice import EspeakVoice
from resources.workfolder import WorkFolders
from tests.media_recipes import Sound, noise, silence, tone

LINE = TranslatedLine(0, "Mi padre era pescador y me enseñó a leer el viento.")
RATE = 22_050

Spoil = Callable[[Path], object]


class WatchedVoice(EspeakVoice):
    """eSpeak NG with a record of what it was asked to speak, whose recordings can be spoilt."""

    def __init__(self, words_per_minute: int = 165, spoil: Spoil | None = None) -> None:
        super().__init__(words_per_minute)
        self.asked: list[str] = []
        self.spoil = spoil

    def speak(self, text: str, language: str, *, speaker: str, into: Path) -> None:
        """As eSpeak NG does, and then spoilt."""
        self.asked.append(text)
        super().speak(text, language, speaker=speaker, into=into)
        if self.spoil:
            self.spoil(into)


@pytest.fixture
def voice() -> Iterator[WatchedVoice]:
    """The real engine, watched."""
    made = WatchedVoice()
    yield made
    made.close()


@pytest.fixture
def keeper(tmp_path: Path, voice: WatchedVoice) -> TakeKeeper:
    """One that has kept nothing yet."""
    return keeper_of(tmp_path, voice)


def keeper_of(home: Path, voice: WatchedVoice) -> TakeKeeper:
    store = LocalStore(home / "store", "http://dub.test/media")
    return TakeKeeper(store, voice, WorkFolders(home / "spool"))


def recording(keeper: TakeKeeper, take: Take, folder: Path) -> tuple[Sound, int]:
    """The samples (frames,) of a take that is kept, and their rate."""
    sound, rate = soundfile.read(keeper.store.fetch(take.audio_key, folder), dtype="float32")
    return sound, rate


def kept(home: Path) -> list[str]:
    """The names of all files in store and spool."""
    return [path.name for path in home.rglob("*") if path.is_file()]


def test_a_take_says_what_it_is(keeper: TakeKeeper, tmp_path: Path) -> None:
    """Its length is the recording's, and its speech lies inside."""
    take = keeper.take_of(LINE, "es", speaker="1")
    sound, rate = recording(keeper, take, tmp_path)
    assert (0, len(LINE.text), 0.0, False) == (
        take.line_id, take.characters, take.cost_usd, take.reused
    )  # fmt: skip
    assert len(sound) / rate == take.seconds
    assert 0.0 <= take.speech_start < take.speech_end <= take.seconds
    assert 2.0 < take.speech_seconds < 4.0


def test_the_speech_of_a_take_is_all_its_sound(keeper: TakeKeeper, tmp_path: Path) -> None:
    """Nothing audible lies outside of it, and it is not wider than that by a tenth."""
    take = keeper.take_of(LINE, "es", speaker="1")
    sound, rate = recording(keeper, take, tmp_path)
    loud = np.flatnonzero(np.abs(sound) > 0.05 * np.abs(sound).max()) / rate
    assert 0.0 <= loud[0] - take.speech_start < 0.1
    assert 0.0 <= take.speech_end - loud[-1] < 0.15


def test_a_take_is_spoken_once(keeper: TakeKeeper, voice: WatchedVoice) -> None:
    """The second time it is reused: the same take, and the voice is not asked."""
    first = keeper.take_of(LINE, "es", speaker="1")
    second = keeper.take_of(LINE, "es", speaker="1")
    assert (False, True) == (first.reused, second.reused)
    assert (first.key, first.audio_key) == (second.key, second.audio_key)
    assert [LINE.text] == voice.asked


def test_a_take_serves_every_line_that_says_the_same(
    keeper: TakeKeeper, voice: WatchedVoice
) -> None:
    """In another place of another video too; each take names its own line."""
    first = keeper.take_of(LINE, "es", speaker="1")
    again = keeper.take_of(TranslatedLine(7, LINE.text), "es", speaker="1")
    assert (0, 7, first.key) == (first.line_id, again.line_id, again.key)
    assert [LINE.text] == voice.asked


def test_another_keeper_of_the_same_store_reuses_it(keeper: TakeKeeper, tmp_path: Path) -> None:
    """What a run has paid for, no later run pays for."""
    keeper.take_of(LINE, "es", speaker="1")
    later = WatchedVoice()
    assert keeper_of(tmp_path, later).take_of(LINE, "es", speaker="1").reused
    assert [] == later.asked


def test_what_shapes_the_sound_makes_another_take(keeper: TakeKeeper, tmp_path: Path) -> None:
    """Text, language, speaker and speed, each by itself."""
    faster = keeper_of(tmp_path, WatchedVoice(words_per_minute=180))
    takes = [
        keeper.take_of(LINE, "es", speaker="1"),
        keeper.take_of(TranslatedLine(0, LINE.text + "."), "es", speaker="1"),
        keeper.take_of(LINE, "ca", speaker="1"),
        keeper.take_of(LINE, "es", speaker="2"),
        faster.take_of(LINE, "es", speaker="1"),
    ]
    faster.voice.close()
    assert 5 == len({take.key for take in takes}) == len({take.audio_key for take in takes})
    assert [False] * 5 == [take.reused for take in takes]


def test_a_spoken_take_leaves_nothing_in_the_spool(keeper: TakeKeeper, tmp_path: Path) -> None:
    """Recording and receipt are kept, under its key."""
    take = keeper.take_of(LINE, "es", speaker="1")
    assert sorted([f"{take.key}.flac", f"{take.key}.json"]) == sorted(kept(tmp_path))


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
def test_a_bad_recording_is_not_kept(tmp_path: Path, spoil: Spoil) -> None:
    """It is refused, nothing of it stays, and the line is spoken anew the next time."""
    voice = WatchedVoice(spoil=spoil)
    keeper = keeper_of(tmp_path, voice)
    with pytest.raises(BadTakeError):
        keeper.take_of(LINE, "es", speaker="1")
    assert [] == kept(tmp_path)
    voice.spoil = None
    assert not keeper.take_of(LINE, "es", speaker="1").reused
    voice.close()


@pytest.mark.parametrize(
    "text", ["Sí.", "No.", "¿Qué?", "¡¡¡Ay!!!", "«¿Y...?»", "1984", "1.000.000", "25 %", "A"]
)
def test_short_and_odd_lines_are_plausible(keeper: TakeKeeper, text: str) -> None:
    """Marks are not spoken, and figures take their time: neither is a bad recording."""
    assert keeper.take_of(TranslatedLine(0, text), "es", speaker="1").speech_seconds > 0.05


def test_speech_is_found_between_silences() -> None:
    """A little before its first sound, and a little after its last."""
    sound = np.concatenate([silence(0.5), tone(200, 1.0), silence(0.7)])
    start, end = speech_bounds(sound, 48_000)
    assert pytest.approx((0.49, 1.54)) == (start, end)


def test_speech_without_silence_is_the_whole_recording() -> None:
    """Its bounds do not leave it."""
    assert (0.0, 1.0) == speech_bounds(tone(200, 1.0), 48_000)


def test_a_soft_ending_is_speech() -> None:
    """What is 30 dB below the loudest moment is still heard."""
    sound = np.concatenate([tone(200, 1.0, db=-10), tone(200, 0.5, db=-40), silence(0.5)])
    assert pytest.approx(1.54) == speech_bounds(sound, 48_000)[1]


@pytest.mark.parametrize("sound", [silence(0.0), silence(0.001), silence(1.0)])
def test_where_nobody_speaks_there_are_no_bounds(sound: Sound) -> None:
    """An empty recording and a silent one are both refused."""
    with pytest.raises(BadTakeError):
        speech_bounds(sound, 48_000)
