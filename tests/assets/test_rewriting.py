"""Lines that do not fit once they are spoken: rewritten once, spoken once more, and paid once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetMaterialization

from api.asgi import services_from
from benchmarks.faults import paid_engines
from dub_platform.registry import DubStatus
from dub_platform.registry.speaking_rates import SpeakingRates
from resources.catalogue.scripts import script_of
from tests.assets.conftest import Prepare, note, read_notes, settle
from tests.support.made_once import Once
from tests.support.rig.services import local_client
from tests.support.rig.workshop import Workshop, list_made, metadata_of, open_workshop
from tests.support.servers.providers.elevenlabs_server import ElevenLabsServer
from tests.support.servers.providers.openai_server import OpenAIServer

# Digits are few characters and long words: no budget of characters sees the second line coming.
CAPTIONS = """\
1
00:00:00,500 --> 00:00:02,400
My father has a house.

2
00:00:02,500 --> 00:00:05,300
It was 1787, 1893 and 1979.

3
00:00:05,400 --> 00:00:08,200
The wind takes my father home.
"""
CHANNEL = "UC0123456789012345678901"
NUMBERS = "It was 1787, 1893 and 1979."


@dataclass(frozen=True)
class Bench:
    """A deployment that pays for translation and voice, a clip with a line that is long, and what
    its first dub made."""

    workshop: Workshop
    translator: OpenAIServer
    voice: ElevenLabsServer
    video_id: str
    made: Mapping[str, AssetMaterialization]

    def value(self, asset: str) -> Mapping[str, Any]:
        key = f"videos/{self.video_id}/dubs/es/{asset}.json"
        return dict(json.loads(self.workshop.store.get_bytes(key)))

    def script(self) -> list[str]:
        """What the API shows as translated."""
        script = script_of(self.workshop.registry, self.workshop.store, self.video_id, "es")
        return [line.translation for line in script.lines]

    def asked_of(self) -> tuple[int, int]:
        """How many answers and how many takes the providers were asked for."""
        return len(self.translator.asked), len(self.voice.asked())


@pytest.fixture
def share() -> float:
    return 0.1


@contextlib.contextmanager
def open_deployment(
    folder: Path, share: float
) -> Iterator[tuple[Workshop, OpenAIServer, ElevenLabsServer]]:
    with OpenAIServer() as chat, ElevenLabsServer(folder / "asked.jsonl") as voice:
        chosen = {**paid_engines(chat, voice), "rewrite_share": share}
        with open_workshop(folder, **chosen) as workshop:
            yield workshop, chat, voice


@pytest.fixture
def bench(
    tmp_path: Path, once: Once, prepare: Prepare, clip: Path, share: float
) -> Iterator[Bench]:
    """With the clip dubbed once; of that, its providers here know nothing."""

    def make(folder: Path) -> None:
        with open_deployment(folder, share) as (workshop, _, _):
            note(workshop, workshop.dub(prepare(workshop, CAPTIONS), "es"))

    dubbed = once(f"dubbed-with-rewrites-of-{share}", make)
    with open_deployment(tmp_path, share) as (workshop, chat, voice):
        video_id = settle(workshop, dubbed, clip)
        yield Bench(workshop, chat, voice, video_id, read_notes(workshop))


def number_of(materialization: Any, name: str) -> Any:
    return metadata_of(materialization)[name].value


def test_a_line_that_does_not_fit_is_said_shorter(bench: Bench) -> None:
    """The most hurried line, in fewer words, at a lower tempo than its first take would need."""
    [rewrite] = bench.value("speech")["rewrites"]
    assert (1, NUMBERS) == (rewrite["line_id"], rewrite["instead_of"])
    assert 0 < len(rewrite["text"]) < len(NUMBERS)
    assert 1 == number_of(bench.made["speech"], "lines rewritten")
    assert number_of(bench.made["speech"], "lines over 1.15 × at first") > number_of(
        bench.made["dubbed_track"], "lines over 1.15 ×"
    )
    assert DubStatus.RELEASED is bench.workshop.registry.dub(bench.video_id, "es").status


def test_captions_and_lines_show_what_is_spoken(bench: Bench) -> None:
    """Not what was translated first."""
    [rewrite] = bench.value("speech")["rewrites"]
    release = bench.workshop.registry.dub(bench.video_id, "es").release
    assert release is not None
    srt = bench.workshop.store.get_bytes(release.captions_keys["srt"]).decode()
    assert (True, False) == (rewrite["text"] in srt, NUMBERS in " ".join(srt.split()))
    assert rewrite["text"] == bench.script()[1]


def test_making_the_dub_again_finds_the_same_rewrites_and_pays_nothing(bench: Bench) -> None:
    """The answer is kept, and so are the take that is used and the one that is not."""
    before, asked = bench.value("speech")["rewrites"], bench.asked_of()
    made = list_made(bench.workshop.dub_by_hand(bench.video_id, "es", "translation", "speech"))
    assert (asked, before) == (bench.asked_of(), bench.value("speech")["rewrites"])
    assert 0.0 == number_of(made["speech"], "cost in USD")


@pytest.mark.long
def test_what_a_voice_was_learned_to_speak_is_used_for_the_next_dub(bench: Bench) -> None:
    """And not for the one that is there, which is asked for in the same words as before."""
    first, asked = bench.value("rates"), bench.asked_of()
    [voice] = first
    [pace] = SpeakingRates.at(bench.workshop.settings.registry_url).of(voice, "es")
    bench.workshop.dub(bench.video_id, "es")
    assert (first, asked) == (bench.value("rates"), bench.asked_of())
    bench.workshop.store.delete(f"videos/{bench.video_id}/dubs/es/rates.json")
    bench.workshop.store.delete(f"videos/{bench.video_id}/dubs/es/translation.json")
    bench.workshop.dub(bench.video_id, "es")
    low, high = sorted((first[voice], pace.rate))
    assert low < bench.value("rates")[voice] < high


@pytest.mark.parametrize("share", [0.0])
def test_a_share_of_none_rewrites_nothing(bench: Bench) -> None:
    """The line is hurried instead, and counted."""
    assert [] == bench.value("speech")["rewrites"]
    assert number_of(bench.made["dubbed_track"], "lines over 1.15 ×") >= 1


@pytest.mark.long
def test_a_line_is_said_shorter_in_the_wording_of_the_others(bench: Bench) -> None:
    """A channel that is worded otherwise after the translation, or a title that is another, does
    not reach one line of it."""
    workshop, before = bench.workshop, {"formality": "formal", "glossary": {"was": {"es": "era"}}}
    after = {"formality": "informal", "glossary": {"was": {"es": "fue"}}}
    workshop.registry.note_source(
        bench.video_id, language=None, channel_id=CHANNEL, channel_title="Years"
    )
    with local_client(services_from(workshop.settings, workshop.add_partitions)) as client:  # type: ignore[arg-type]
        assert 200 == client.put(f"/channels/{CHANNEL}", json=before).status_code
        workshop.dub_by_hand(bench.video_id, "es", "translation")
        before_speech = len(bench.translator.asked)
        assert 200 == client.put(f"/channels/{CHANNEL}", json=after).status_code
        assert client.patch(f"/videos/{bench.video_id}", json={"title": "Others"}).is_success
        workshop.dub_by_hand(bench.video_id, "es", "speech")
    new = bench.translator.asked[before_speech:]
    asked = [each.material for each in new if NUMBERS in str(each.material)]
    assert asked
    for material in asked:
        assert ("formal", [{"term": "was", "write": "era"}], "Clip") == tuple(
            material[name] for name in ("formality", "glossary", "title")
        )


def test_what_shapes_a_translation_is_in_its_version(bench: Bench) -> None:
    """Rates that a voice was learned to speak at, and the title, are no asset of their own."""
    [rate] = bench.value("rates").values()
    assert f"1: {rate:.2f}" == number_of(bench.made["translation"], "characters a second")

    def version() -> str:
        made = list_made(bench.workshop.dub_by_hand(bench.video_id, "es", "translation"))
        return str(made["translation"].tags["dagster/data_version"])  # type: ignore[index]

    first = version()
    assert first == version()
    bench.workshop.registry.change(bench.video_id, title="Another")
    other = version()
    key = f"videos/{bench.video_id}/dubs/es/rates.json"
    slower = {voice: 0.9 * rate for voice, rate in bench.value("rates").items()}
    bench.workshop.store.put_bytes(key, json.dumps(slower).encode())
    assert 3 == len({first, other, version()})
