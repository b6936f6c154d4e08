"""Wording, from a request over HTTP to what the translator is asked, and back into Dagster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dagster import TableMetadataValue
from starlette.testclient import TestClient

from api.asgi import services_from
from dub_platform.core.style.glossary import Glossary
from dub_platform.core.style.wording import Wording
from dub_platform.registry import DubStatus
from tests.support.rig.services import local_client
from tests.support.rig.workshop import Workshop, list_made, metadata_of, open_workshop
from tests.support.servers.providers.openai_server import Asked, OpenAIServer

CHANNEL = "UC0123456789012345678901"
CAPTIONS = """\
1
00:00:00,800 --> 00:00:03,600
The wind takes us to the harbor.

2
00:00:05,200 --> 00:00:08,200
My father has a house.
"""
OF_CHANNEL = {
    "glossary": {"harbor": {"es": "bahía"}, "wind": {"es": "brisa"}},
    "formality": "formal",
}
DOCK = {"harbor": {"es": "dársena"}}


class AttentiveServer(OpenAIServer):
    """One during whose work something else happens."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def note(self, body: Mapping[str, Any], named: str | None = None) -> Asked:
        self.meanwhile()
        return super().note(body, named)


@dataclass(frozen=True)
class Bench:
    """A deployment with OpenAI's translation and a free voice, its API, and what was asked."""

    workshop: Workshop
    client: TestClient
    server: AttentiveServer

    def hand_in(self, clip: Path, **wording: Any) -> str:
        """POST the clip with its captions, and prepare it as a video of the channel."""
        files = {"file": ("clip.mp4", clip.read_bytes()), "captions": ("c.srt", CAPTIONS.encode())}
        answer = self.client.post("/videos", files=files, data={"languages": "es", **wording})
        assert (202, answer.text) == (answer.status_code, answer.text)
        video_id: str = answer.json()["id"]
        self.workshop.prepare(video_id)
        self.workshop.registry.note_source(
            video_id, language=None, channel_id=CHANNEL, channel_title="The Harbor"
        )
        return video_id

    def ask(self, video_id: str, **wording: Any) -> Mapping[str, Any]:
        answer = self.client.put(f"/videos/{video_id}/dubs/es", json=wording)
        assert (202, answer.text) == (answer.status_code, answer.text)
        return dict(answer.json())

    def asked(self) -> list[tuple[str, dict[str, str | None]]]:
        """Formality and glossary of each request for a translation, in order."""
        return [
            (
                asked.material["formality"],
                {term["term"]: term["write"] for term in asked.material["glossary"]},
            )
            for asked in self.server.asked
            if asked.material["task"] == "translate"
        ]

    def lines(self, video_id: str) -> list[str]:
        key = f"videos/{video_id}/dubs/es/translation.json"
        return [line["text"] for line in json.loads(self.workshop.store.get_bytes(key))["lines"]]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with AttentiveServer() as server:
        chosen = {"OPENAI_API_KEY": server.api_key, "OPENAI_BASE_URL": server.base_url}
        with open_workshop(tmp_path, translator="openai", **chosen) as workshop:
            services = services_from(workshop.settings, workshop.add_partitions)  # type: ignore[arg-type]
            with local_client(services) as client:
                yield Bench(workshop, client, server)


def test_the_translator_is_told_what_channel_and_request_say(bench: Bench, clip: Path) -> None:
    """Both glossaries as one, in which the request decides, and the channel's formality."""
    bench.client.put(f"/channels/{CHANNEL}", json=OF_CHANNEL)
    video_id = bench.hand_in(clip, glossary=json.dumps(DOCK))
    metadata = metadata_of(list_made(bench.workshop.dub(video_id, "es"))["translation"])
    assert [("formal", {"harbor": "dársena", "wind": "brisa"})] == bench.asked()
    assert ["La brisa takes us to la dársena.", "My padre has a casa."] == bench.lines(video_id)
    told = {name: metadata[name].value for name in ("formality", "terms", "terms missed")}
    assert {"formality": "formal", "terms": 2, "terms missed": 0} == told
    assert DubStatus.RELEASED is bench.workshop.registry.dub(video_id, "es").status


@pytest.mark.long
def test_another_wording_pays_for_what_it_changes(bench: Bench, clip: Path) -> None:
    """Words that do not occur cost nothing; one that does costs its lines and their takes."""
    video_id = bench.hand_in(clip, glossary=json.dumps(DOCK))
    bench.workshop.dub(video_id, "es")
    before = len(bench.server.asked)

    assert 1 == bench.ask(video_id, glossary=DOCK)["generation"]
    assert 2 == bench.ask(video_id, glossary={**DOCK, "boat": {"es": "barca"}})["generation"]
    made = list_made(bench.workshop.dub(video_id, "es"))
    assert before == len(bench.server.asked)
    assert (0, 2) == _paid_and_reused(made)

    assert 3 == bench.ask(video_id, glossary={**DOCK, "house": {"es": "hogar"}})["generation"]
    made = list_made(bench.workshop.dub(video_id, "es"))
    assert ("neutral", {"harbor": "dársena", "house": "hogar"}) == bench.asked()[-1]
    assert (1, 1) == _paid_and_reused(made)
    dub = bench.workshop.registry.dub(video_id, "es")
    assert (DubStatus.RELEASED, 3) == (dub.status, dub.generation)


@pytest.mark.long
def test_lines_far_from_a_changed_word_are_not_asked_for_again(bench: Bench, clip: Path) -> None:
    """Of a long video, only the batch with the word in it."""
    video_id = bench.hand_in(clip)
    lengthened(bench.workshop, video_id, count=60)
    bench.workshop.dub_by_hand(video_id, "es", "translation")
    before = bench.asked()
    bench.ask(video_id, glossary=DOCK)
    bench.workshop.dub_by_hand(video_id, "es", "translation")
    assert [("neutral", DOCK["harbor"]["es"])] == [
        (formality, glossary["harbor"]) for formality, glossary in bench.asked()[len(before) :]
    ]
    assert 2 == len(before)


@pytest.mark.long
def test_what_a_translation_misses_is_shown_at_its_line(bench: Bench, clip: Path) -> None:
    """This server translates a word that it was told to keep, also when it is asked again."""
    video_id = bench.hand_in(clip, glossary='{"father": null, "harbor": {"es": "puerto"}}')
    metadata = metadata_of(list_made(bench.workshop.dub(video_id, "es"))["translation"])
    assert (2, 1) == (metadata["terms"].value, metadata["terms missed"].value)
    table = metadata["table"]
    assert isinstance(table, TableMetadataValue)
    assert ["", "misses father"] == [record.data["flag"] for record in table.records]


def test_a_run_whose_dub_is_asked_anew_ends_before_its_next_step(bench: Bench, clip: Path) -> None:
    """Nothing is spoken in a wording that nobody wants any more; the next run makes the other."""
    video_id = bench.hand_in(clip)
    bench.server.meanwhile = partial(bench.ask, video_id, glossary=DOCK)
    result = bench.workshop.dub(video_id, "es")
    assert ["translation"] == list(list_made(result))
    assert not list(bench.workshop.settings.store_dir.rglob("takes/*/*"))
    dub = bench.workshop.registry.dub(video_id, "es")
    assert (DubStatus.QUEUED, 2) == (dub.status, dub.generation)

    bench.workshop.dub(video_id, "es")
    assert "dársena" in bench.lines(video_id)[0]
    dub = bench.workshop.registry.dub(video_id, "es")
    assert (DubStatus.RELEASED, 2) == (dub.status, dub.generation)


def test_a_channels_wording_that_nobody_heeds_is_said(workshop: Workshop, prepared: str) -> None:
    """The dub is made without it, and Dagster shows why."""
    workshop.registry.note_source(
        prepared, language=None, channel_id=CHANNEL, channel_title="Bread"
    )
    workshop.registry.keep_channel(CHANNEL, wording=Wording(Glossary.parse({"market": None})))
    metadata = metadata_of(list_made(workshop.dub(prepared, "es"))["translation"])
    assert str(metadata["wording"].value).startswith("not applied: apertium")
    assert {"formality", "terms", "terms missed"}.isdisjoint(metadata)


def lengthened(workshop: Workshop, video_id: str, *, count: int) -> None:
    """A transcript of so many lines, of which only the first is about the harbor."""
    key = f"videos/{video_id}/transcript.json"
    transcript = json.loads(workshop.store.get_bytes(key))
    harbor, house = transcript["lines"]
    transcript["lines"] = [harbor] + [
        {**house, "id": number, "start": 9.0 * number, "end": 9.0 * number + 3}
        for number in range(1, count)
    ]
    workshop.store.put_bytes(key, json.dumps(transcript).encode())


def _paid_and_reused(made: Mapping[str, Any]) -> tuple[int, int]:
    metadata = metadata_of(made["speech"])
    return int(str(metadata["takes paid"].value)), int(str(metadata["takes reused"].value))
