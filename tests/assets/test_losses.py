"""A dub whose translator loses something: it is released, and the gate tells what was lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

import pytest

from dub_platform import wiring
from dub_platform.core.speech import Transcript, Translation
from dub_platform.core.style.brief import Brief
from dub_platform.registry import DubStatus
from resources.translator.apertium import ApertiumTranslator
from resources.translator.port import NO_BRIEF
from tests.assets.conftest import Prepare
from tests.support.rig.workshop import open_workshop

CAPTIONS = """1
00:00:00,800 --> 00:00:04,000
Every summer, many people come to visit us.

2
00:00:05,200 --> 00:00:08,500
On Sunday morning, 250 boats are in the **`harbor`**.
"""


class CarelessTranslator(ApertiumTranslator):
    """Leaves the first line as it is, and the numbers out."""

    def translate(
        self,
        transcript: Transcript,
        language: str,
        brief: Brief = NO_BRIEF,
        *,
        only: Collection[int] | None = None,
    ) -> Translation:
        """As Apertium does, and then careless."""
        made = super().translate(transcript, language, brief, only=only)
        first, *rest = (
            dataclasses.replace(line, text=line.text.replace("250", "")) for line in made.lines
        )
        kept = dataclasses.replace(first, text=transcript.lines[0].text)
        return dataclasses.replace(made, lines=(kept, *rest))


def test_what_a_translation_lost_is_told_and_released_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prepare: Prepare
) -> None:
    """The line in the wrong language and the lost number, each by its line, with both texts."""
    monkeypatch.setattr(wiring, "translator", lambda *_: CarelessTranslator())
    with open_workshop(tmp_path) as workshop:
        video_id = prepare(workshop, CAPTIONS)
        made = workshop.dub(video_id, "es")
        told = [
            (check.check_name, str(check.description))
            for check in made.get_asset_check_evaluations()
            if not check.passed
        ]
        assert DubStatus.RELEASED is workshop.registry.dub(video_id, "es").status
        [captions] = workshop.settings.store_dir.glob("releases/**/es.srt")
        assert "Every summer" in captions.read_text()
    [(name, sentence)] = told
    assert "translation_loses_nothing" == name
    assert "Line 0 is in English and not in Spanish: " in sentence
    # As code: no markdown in it is shown as such.
    assert "Line 1 lacks 250 of `On Sunday morning, 250 boats are in the **'harbor'**.`" in sentence
    assert "PUT /videos/ID/dubs/LANGUAGE/lines/NUMBER" in sentence
