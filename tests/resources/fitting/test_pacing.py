"""Speech to its slot: who is hurried speaks faster, before anything is stretched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from dub_platform.core.errors import EngineFailedError
from dub_platform.core.service.cost import Caps
from dub_platform.core.speech import Line, Take, Takes, Transcript, TranslatedLine, Translation
from dub_platform.core.style.brief import Brief
from dub_platform.core.timing.fitting import tempos_over
from dub_platform.registry.ledger import PaidCalls
from resources.fitting.pacing import Pacer
from resources.fitting.rewriter import SpokenScript
from resources.providers.ledger import CappedLedger
from resources.providers.paid_once import Bill
from resources.store.copies import Copies
from resources.store.local import LocalStore
from resources.system.workfolder import WorkFolders
from resources.voice.espeak import EspeakVoice
from resources.voice.neural import Weights
from resources.voice.piper import PiperVoice
from resources.voice.port import Reading, Voice
from resources.voice.takes import TakeKeeper
from tests.support.new_registries import make_registry
from tests.support.recipes.voice_models import write_piper

TEXTS = (
    "Mi padre era pescador y me enseñó a leer el viento.",
    "El agua está fría, pero a la gente le encanta el mar.",
    "Hoy el mercado está lleno de pescado fresco y de pan.",
)


class WatchedPiper(PiperVoice):
    """Piper with a record of the paces that it was asked for; it may not be able to keep one."""

    fails = False

    def speak(self, reading: Reading, *, into: Path, bill: Bill) -> None:
        """As Piper does, or not."""
        self.asked = [*getattr(self, "asked", []), reading.pace]
        if self.fails and reading.pace != 1.0:
            raise EngineFailedError("It did not work.")
        super().speak(reading, into=into, bill=bill)


class Scene:
    """Three lines, of which the second has a slot that is too short by a fifth or so."""

    def __init__(self, folder: Path, voice: Voice) -> None:
        store = LocalStore(folder / "store", "http://dub.test/media")
        folders = WorkFolders(folder / "spool")
        url = f"sqlite:///{folder / 'registry.sqlite'}"
        make_registry(url)
        ledger = CappedLedger(PaidCalls.at(url), Caps())
        self.keeper = TakeKeeper(store, voice, folders, ledger, timedelta(days=30))
        self.copies = Copies(store, folders)
        said = tuple(TranslatedLine(number, text) for number, text in enumerate(TEXTS))
        self.translation = Translation("es", "an engine", said)
        takes = self.keeper.takes_of("video", said, "es", dict.fromkeys(range(3), "1"), self.copies)
        self.spoken = Takes("es", voice.engine, takes)
        first, second, third = (take.speech_seconds for take in takes)
        ends = [first + 1, first + 1 + second / 1.18, first + 1.2 + second / 1.18 + third]
        self.lines = (
            Line(0, 0.0, first, "one"),
            Line(1, first + 1, ends[1], "two"),
            Line(2, ends[1] + 0.1, ends[2], "three"),
        )
        self.seconds = ends[2] + 0.2

    @property
    def script(self) -> SpokenScript:
        transcript = Transcript("en", "an engine", self.lines)
        return SpokenScript(transcript, self.translation, Brief(video_id="video"), self.seconds)

    def tempos(self, takes: Sequence[Take]) -> dict[int, float]:
        """What the timeline makes of them."""
        lengths = {take.line_id: take.speech_seconds for take in takes}
        return tempos_over(self.lines, lengths, seconds=self.seconds, above=1.0)


@pytest.fixture
def voice(tmp_path: Path) -> WatchedPiper:
    """One that has hummed nothing yet."""
    model = write_piper(tmp_path / "model" / "voice.onnx", language="es")
    return WatchedPiper([Weights(model, "piper/tiny 0a")])


def test_a_hurried_line_is_spoken_faster_and_no_other(tmp_path: Path, voice: WatchedPiper) -> None:
    """The timeline has less to stretch; the words, the others' takes and the bill are the same."""
    scene = Scene(tmp_path, voice)
    before = scene.tempos(scene.spoken.takes)
    paced = Pacer(scene.keeper).paced(scene.script, scene.spoken, scene.copies)
    after = scene.tempos(paced.takes)
    assert {1} <= before.keys()
    assert max(after.values(), default=1.0) < max(before.values()) - 0.05
    assert [0, 1, 2] == [take.line_id for take in paced.takes]
    same = [one == other for one, other in zip(scene.spoken.takes, paced.takes, strict=True)]
    assert same == [line not in before for line in range(3)]
    assert 0.0 == paced.cost_usd
    voice.close()


def test_a_dub_that_is_made_again_has_nothing_spoken_anew(
    tmp_path: Path, voice: WatchedPiper
) -> None:
    """A pace is a step of its own and part of the take's key."""
    scene = Scene(tmp_path, voice)
    first = Pacer(scene.keeper).paced(scene.script, scene.spoken, scene.copies)
    asked = list(voice.asked)
    again = Pacer(scene.keeper).paced(scene.script, scene.spoken, scene.copies)
    assert asked == voice.asked
    assert [take.key for take in first.takes] == [take.key for take in again.takes]
    assert {pace for pace in asked if pace != 1.0} <= {1.05, 1.1, 1.15, 1.2}
    voice.close()


def test_what_cannot_be_spoken_at_its_pace_stays_as_it_was(
    tmp_path: Path, voice: WatchedPiper
) -> None:
    """There is a take of it, which the timeline stretches."""
    scene = Scene(tmp_path, voice)
    voice.fails = True
    assert scene.spoken == Pacer(scene.keeper).paced(scene.script, scene.spoken, scene.copies)
    assert max(voice.asked) > 1.0
    voice.close()


def test_a_voice_that_keeps_no_pace_is_not_asked_to(tmp_path: Path) -> None:
    """One that is paid for would be paid again."""
    voice = EspeakVoice()
    scene = Scene(tmp_path, voice)
    assert scene.spoken is Pacer(scene.keeper).paced(scene.script, scene.spoken, scene.copies)
    voice.close()
