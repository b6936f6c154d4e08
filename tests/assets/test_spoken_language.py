"""Runs of a video whose language nobody named: who tells it, and what becomes of its dubs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dagster import ExecuteInProcessResult

from dub_platform.core.languages import AUTO
from dub_platform.registry.ledger import PaidCalls
from sensors.outcome import reason_of
from tests.support.rig.workshop import Workshop, list_made, open_workshop
from tests.support.servers.providers.openai_audio import OpenAIAudioServer, Said, always
from tests.support.servers.providers.openai_server import OpenAIServer

SPANISH = """\
1
00:00:00,800 --> 00:00:03,600
Cada verano viene mucha gente a visitarnos desde la capital.

2
00:00:05,200 --> 00:00:08,200
El domingo por la mañana el mercado abre a las siete.
"""


def test_captions_tell_it_before_anything_is_paid(tmp_path: Path, clip: Path) -> None:
    """A dub into what is spoken fails by its own code; the others are made from it."""
    with OpenAIServer() as chat:
        openai = {"OPENAI_API_KEY": chat.api_key, "OPENAI_BASE_URL": chat.base_url}
        roles = {"transcriber": "openai", "translator": "openai"}
        with open_workshop(tmp_path, **roles, **openai) as workshop:
            video_id = workshop.hand_in(clip, "es", "ca", captions=SPANISH, language=AUTO)
            workshop.prepare(video_id)
            assert "es" == workshop.registry.video(video_id).language

            refused = workshop.dub(video_id, "es", raise_on_error=False)
            assert "spoken_language_unfit" == why(workshop, refused)["code"]
            assert () == chat.asked
            assert {} == PaidCalls.at(workshop.settings.registry_url).spent_usd(video_id)

            made = workshop.dub_by_hand(video_id, "ca", "translation")
    assert ["translation"] == list(list_made(made))
    assert {"Spanish (es)"} == {each.material["from"] for each in chat.asked}  # type: ignore[var-annotated]


@pytest.mark.parametrize(
    ("heard", "language", "code"),
    [("french", "fr", "spoken_language_unfit"), ("unknown", AUTO, "media_language_not_told")],
)
def test_else_the_recogniser_tells_it(
    tmp_path: Path, clip: Path, heard: str, language: str, code: str
) -> None:
    """What the translator does not know is not translated; what nobody tells is not prepared."""
    said = Said("Tous les jours on ouvre le marché.", language=heard)
    with OpenAIAudioServer(always(said)) as server:
        openai = {"OPENAI_API_KEY": server.key, "OPENAI_BASE_URL": server.url}
        with open_workshop(tmp_path, transcriber="openai", **openai) as workshop:
            video_id = workshop.hand_in(clip, "es", language=AUTO)
            result = workshop.prepare(video_id, raise_on_error=False)
            if result.success:
                result = workshop.dub(video_id, "es", raise_on_error=False)
            assert code == why(workshop, result)["code"]
            assert language == workshop.registry.video(video_id).language


def why(workshop: Workshop, result: ExecuteInProcessResult) -> Mapping[str, Any]:
    """What the registry is told of a failed run."""
    assert not result.success
    run = workshop.instance.get_run_by_id(result.run_id)
    assert run is not None
    return reason_of(workshop.instance, run)
