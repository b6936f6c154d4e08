"""A deployment as its users pay for it: Whisper or OpenAI listens, OpenAI translates, ElevenLabs
speaks, a bucket keeps, in the running stack. The sample goes through all of it.

Providers and bucket are servers of this machine that hold requests to the documented wire formats,
signatures and checksums. Nothing here asks the platform how well it did: the public files are
measured, and what was paid is added up from the servers' own accounts. What its runs print is in
the bucket too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pysubs2
import pytest
from pydantic import SecretStr

from assets.step.tags import VIDEO
from dub_platform.core.speech import Span
from dub_platform.local.demo import SAMPLE
from examples.sample.make_sample import SECONDS, SENTENCES
from resources.media.sound import decode_sound as decoded_source
from resources.media.vad import SileroSpeechFinder, open_speech
from resources.transcriber.chunks import PADDING, cut, pack
from resources.transcriber.whisper import WhisperTranscriber
from tests.support.measuring import RATE, Sound, at_48_khz, decode, ebur128, locate
from tests.support.patience import HANG_SECONDS
from tests.support.recipes.speech import RATE as SPEECH_RATE
from tests.support.recipes.speech import plain_words, say
from tests.support.recipes.whisper import reading
from tests.support.rig.platform import Answer, Platform, running_platform
from tests.support.servers.providers.elevenlabs_server import VOICES, ElevenLabsServer
from tests.support.servers.providers.openai_audio import OpenAIAudioServer
from tests.support.servers.providers.openai_server import OpenAIServer, answer_lines
from tests.support.servers.providers.speech_provider import Order
from tests.support.servers.swift import running_swift

# One bucket serves them all.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("deployment")]

OPENAI = "openai"
# In US dollars, and unlike the defaults.
PER_MINUTE, PER_MILLION_IN, PER_MILLION_OUT, PER_THOUSAND = 0.03, 2.0, 7.0, 0.30
PRICES = {
    "price_transcription_per_minute_usd": PER_MINUTE,
    "price_translation_per_million_input_tokens_usd": PER_MILLION_IN,
    "price_translation_per_million_output_tokens_usd": PER_MILLION_OUT,
    "price_speech_per_thousand_characters_usd": PER_THOUSAND,
}
# eSpeak NG is silent before it speaks, and that is not mixed in.
AUDIBLE = 0.02
COSTS = """query($asset: [String!]!, $partition: String!) {
  assetNodeOrError(assetKey: {path: $asset}) { ... on AssetNode {
    assetMaterializations(partitions: [$partition]) {
      metadataEntries { label ... on FloatMetadataEntry { floatValue } } } } }
}"""
RUNS = """query($tags: [ExecutionTag!]!) {
  runsOrError(filter: {tags: $tags}) { ... on Runs { results { runId } } }
}"""
LOGS = """query($key: [String!]!) {
  capturedLogs(logKey: $key) { stderr }
  capturedLogsMetadata(logKey: $key) { stderrLocation }
}"""
_ORDER = tuple(field.name for field in fields(Order))


# What is the same whoever listens is looked at once.
with_openai = pytest.mark.parametrize("deployed", [OPENAI], indirect=True)


@dataclass(frozen=True)
class Providers:
    """The servers that are paid."""

    ear: OpenAIAudioServer
    chat: OpenAIServer
    voice: ElevenLabsServer

    @property
    def requests(self) -> tuple[int, int, int]:
        return len(self.ear.asked()), len(self.chat.asked), len(self.voice.asked())

    @property
    def listening_usd(self) -> float:
        seconds = [math.ceil(asked.seconds) for asked in self.ear.asked()]
        return sum(seconds) / 60 * PER_MINUTE

    @property
    def dubbing_usd(self) -> float:
        tokens = [sum(counts) for counts in zip(*(a.tokens for a in self.chat.asked), strict=True)]
        characters = sum(entry["charged_characters"] for entry in self.voice.asked())
        translating = (tokens[0] * PER_MILLION_IN + tokens[1] * PER_MILLION_OUT) / 1_000_000
        return float(translating + characters * PER_THOUSAND / 1000)

    @property
    def translated(self) -> list[str]:
        """The lines in their order, as the translator answered them last."""
        first, *later = [asked.material for asked in self.chat.asked]
        texts = [line["text"] for line in answer_lines(first)]
        for material in later:
            drafts = [line["draft"] for line in material["lines"]]
            shorter = dict(
                zip(drafts, (line["text"] for line in answer_lines(material)), strict=True)
            )
            texts = [shorter.get(text, text) for text in texts]
        return texts

    @property
    def takes(self) -> Iterator[Sound]:
        """What the voice answered for each line, from its first sample of speech on."""
        asked = {entry["text"]: entry for entry in self.voice.asked()}
        for text in self.translated:
            order = Order(**{name: asked[text][name] for name in _ORDER})
            sound = at_48_khz(self.voice.sound(order), order.rate)
            yield sound[np.flatnonzero(np.abs(sound) > AUDIBLE)[0] :]


@dataclass(frozen=True)
class Deployed:
    """The running platform, the video it released in Spanish, and the track as anybody gets it."""

    platform: Platform
    providers: Providers
    dub: Answer
    track: Path
    sound: Sound


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper that hears the sample's sentences where they are."""
    folder = tmp_path_factory.mktemp("checkpoint")
    source = decoded_source(SAMPLE, seconds=SECONDS, into=folder).speech
    speech = SileroSpeechFinder().find(source)
    longest = WhisperTranscriber.longest
    with open_speech(source) as opened:
        pieces = cut(opened, speech, shortest=WhisperTranscriber.shortest, longest=longest)
        (chunk,) = pack(pieces, longest)
    places = zip(chunk.starts, chunk.pieces, SENTENCES, strict=True)
    return reading(
        folder / "reads.pt",
        [
            (Span(start + PADDING, start + piece.seconds - PADDING), f" {text}")
            for start, piece, (_, text) in places
        ],
    )


# What one test alone asks for comes first: pytest puts tests together by a parameter's place.
@pytest.fixture(scope="module", params=[OPENAI, "whisper"])
def deployed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    folder, whisper = tmp_path_factory.mktemp("deployed"), request.param == "whisper"
    model = {"whisper_model": str(request.getfixturevalue("checkpoint"))} if whisper else {}
    with ExitStack() as running:
        providers = Providers(
            running.enter_context(OpenAIAudioServer()),
            running.enter_context(OpenAIServer()),
            running.enter_context(ElevenLabsServer(folder / "asked.jsonl")),
        )
        # A provider of this machine is as slow as the machine is: a try that is given up was paid.
        patient = dict.fromkeys(("provider_try_seconds", "provider_deadline_seconds"), HANG_SECONDS)
        chosen = {
            "transcriber": request.param,
            **model,
            **_paid(providers),
            **_bucket(),
            **PRICES,
            **patient,
        }
        platform = running.enter_context(running_platform(folder / "home", **chosen))
        video = platform.hand_in(SAMPLE, "es")
        dub = platform.await_release(video["id"], "es")
        track = platform.fetch(dub["track_url"], folder)
        yield Deployed(platform, providers, dub, track, decode(track))


def test_the_track_is_as_long_and_as_loud_as_it_should_be(deployed: Deployed) -> None:
    """As long as the sample to 20 ms, -16 LUFS within 0.5, a true peak of at most -1.5 dBTP."""
    assert abs(len(deployed.sound) - len(decode(SAMPLE))) <= 0.020 * RATE
    lufs, true_peak = ebur128(deployed.track)
    assert -16.5 <= lufs <= -15.5
    assert true_peak <= -1.5


def test_every_line_is_spoken_where_its_sentence_was(deployed: Deployed) -> None:
    """What the voice answered is found in the track, where the original voice is in the sample."""
    sample, track = (sound.mean(axis=1) for sound in (decode(SAMPLE), deployed.sound))
    for take, (start, text) in zip(deployed.providers.takes, SENTENCES, strict=True):
        original = locate(at_48_khz(say(text), SPEECH_RATE), sample, near=start)
        found = locate(take, track, near=original.start)
        assert min(original.likeness, found.likeness) > 0.7, text
        assert abs(found.start - original.start) < 0.125, text


def test_the_voice_speaks_what_the_translator_answered(deployed: Deployed) -> None:
    """Each line once, told the lines before and after it."""
    texts, asked = deployed.providers.translated, deployed.providers.voice.asked()
    assert len(SENTENCES) == len(texts)
    neighbours = zip(["", *texts], texts, [*texts[1:], ""], strict=False)
    assert sorted(neighbours) == sorted(_neighbours(entry["noted"]) for entry in asked)


def test_the_captions_say_what_was_heard_and_what_is_spoken(
    deployed: Deployed, tmp_path: Path
) -> None:
    """Of the sentences at least nine words in ten; of the translation every one."""
    urls = deployed.dub["source_captions_urls"], deployed.dub["captions_urls"]
    heard, spoken = (_words(deployed.platform.fetch(each["srt"], tmp_path)) for each in urls)
    said = plain_words(" ".join(text for _, text in SENTENCES))
    assert SequenceMatcher(None, said, heard).ratio() >= 0.9
    assert plain_words(" ".join(deployed.providers.translated)) == spoken


def test_what_was_paid_is_what_the_providers_counted(deployed: Deployed) -> None:
    """The dub's cost is the translator's tokens and the voice's characters; the video's is that
    with the seconds listened to, which Dagster shows beside the transcript: none by Whisper."""
    paid = deployed.platform.settings.transcriber == OPENAI
    assert paid == bool(deployed.providers.ear.asked())
    video = deployed.platform.video(deployed.dub["video_id"])
    listening, dubbing = deployed.providers.listening_usd, deployed.providers.dubbing_usd
    assert pytest.approx(dubbing) == deployed.dub["cost_usd"]
    assert pytest.approx(listening + dubbing) == video["cost_usd"]
    assert pytest.approx(listening, abs=1e-4) == _cost_shown(deployed, "transcript")


@with_openai
def test_asking_again_pays_nothing(deployed: Deployed) -> None:
    """Handed in, asked for and materialized again: no provider hears of it."""
    before, video = deployed.providers.requests, deployed.dub["video_id"]
    platform = deployed.platform
    assert (video, False) == itemgetter("id", "created")(platform.hand_in(SAMPLE, "es"))
    platform.api.put(f"/videos/{video}/dubs/es").raise_for_status()
    platform.materialize("prepare_video", "transcript", video=video)
    platform.materialize("dub_video", "translation", "speech", video=video, language="es")
    assert before == deployed.providers.requests
    assert platform.dub(video, "es")["cost_usd"] == deployed.dub["cost_usd"]


def test_no_secret_is_written_down(deployed: Deployed) -> None:
    """Not in a log, nor in Dagster's events, nor in the registry."""
    chosen = deployed.platform.settings
    secrets = [value for value in vars(chosen).values() if isinstance(value, SecretStr)]
    assert 5 == len(secrets)
    contents = {path: read(path) for path in chosen.home.rglob("*") if path.is_file()}
    for secret in secrets:
        written = secret.get_secret_value().encode()
        assert [] == [path.name for path, content in contents.items() if written in content]


def read(path: Path) -> bytes:
    """The file's content; none of one that a database has done away with meanwhile."""
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return b""


@pytest.fixture(scope="module")
def logs(deployed: Deployed) -> Mapping[str, str]:
    """What the runs of the video printed, by its key in the private bucket."""
    platform, bucket = deployed.platform, deployed.platform.settings.r2_bucket
    runs = _runs(deployed)

    def kept() -> dict[str, str]:
        keys = [key for key in _keys(bucket, "dagster/") if key.endswith(".err")]
        return {key: _content(bucket, key) for key in keys if key.split("/")[2] in runs}

    # A run puts its log after its last step, in which the dub was released.
    platform.until(lambda: len(kept()) == len(runs))
    return kept()


@with_openai
def test_every_run_leaves_its_log_in_the_private_bucket(
    deployed: Deployed, logs: Mapping[str, str]
) -> None:
    """The preparation's and the dub's are there, and each tells of its steps."""
    assert len(logs) >= 2
    assert _runs(deployed) == {key.split("/")[2] for key in logs}
    told = "".join(logs.values())
    assert all(asset in told for asset in ("transcript", "speech", "r2_object"))


@with_openai
def test_dagster_shows_the_log_from_the_bucket(deployed: Deployed, logs: Mapping[str, str]) -> None:
    """The whole of it, and where it is."""
    bucket = deployed.platform.settings.r2_bucket
    for key, content in logs.items():
        shown = _shown(deployed.platform, key)
        assert content == shown["capturedLogs"]["stderr"]
        assert f"s3://{bucket}/{key}" == shown["capturedLogsMetadata"]["stderrLocation"]


@with_openai
def test_viewers_read_releases_and_no_log(deployed: Deployed, logs: Mapping[str, str]) -> None:
    """The public bucket holds nothing else."""
    assert logs
    public = deployed.platform.settings.r2_public_bucket
    assert {"releases"} == {key.split("/")[0] for key in _keys(public)}


@with_openai
def test_no_log_holds_a_secret(deployed: Deployed, logs: Mapping[str, str]) -> None:
    """Neither the providers' keys nor the bucket's."""
    settings = deployed.platform.settings
    keys = (settings.openai_api_key, settings.elevenlabs_api_key, settings.r2_secret_access_key)
    told = "".join(logs.values())
    assert [False] * 3 == [key is None or key.get_secret_value() in told for key in keys]


def _runs(deployed: Deployed) -> set[str]:
    """The ids of the runs that prepared and dubbed the video."""
    tags = [{"key": VIDEO, "value": deployed.dub["video_id"]}]
    found = deployed.platform.ask_dagster(RUNS, tags=tags)["runsOrError"]["results"]
    return {run["runId"] for run in found}


def _shown(platform: Platform, key: str) -> Mapping[str, Mapping[str, str]]:
    """What the UI shows of the log under a key: dagster/storage/RUN/compute_logs/NAME.err."""
    log_key = key.removesuffix(".err").split("/")[2:]
    answer: Mapping[str, Mapping[str, str]] = platform.ask_dagster(LOGS, key=log_key)
    return answer


def _content(bucket: str, key: str) -> str:
    return str(running_swift().client.get_object(Bucket=bucket, Key=key)["Body"].read().decode())


def _keys(bucket: str, prefix: str = "") -> list[str]:
    listed = running_swift().client.list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for entry in listed.get("Contents", [])]


def _neighbours(asked: Mapping[str, str]) -> tuple[str, str, str]:
    return asked.get("previous_text", ""), asked["text"], asked.get("next_text", "")


def _words(srt: Path) -> list[str]:
    return plain_words(" ".join(cue.plaintext for cue in pysubs2.load(str(srt))))


def _cost_shown(deployed: Deployed, asset: str) -> float:
    """What Dagster shows beside the asset, when it was made first."""
    answer = deployed.platform.ask_dagster(COSTS, asset=[asset], partition=deployed.dub["video_id"])
    first = answer["assetNodeOrError"]["assetMaterializations"][-1]["metadataEntries"]
    return float(next(entry["floatValue"] for entry in first if entry["label"] == "cost in USD"))


def _paid(providers: Providers) -> dict[str, Any]:
    return {
        "translator": "openai",
        "voice": "elevenlabs",
        "OPENAI_API_KEY": providers.chat.api_key,
        "OPENAI_BASE_URL": providers.chat.base_url,
        "openai_transcription_base_url": providers.ear.url,
        "openai_transcription_api_key": providers.ear.key,
        "ELEVENLABS_API_KEY": providers.voice.key,
        "ELEVENLABS_BASE_URL": providers.voice.url,
        "elevenlabs_voices": f"default={VOICES[0]}",
    }


def _bucket() -> dict[str, Any]:
    swift = running_swift()
    private, public = swift.new_buckets()
    return {
        "store": "r2",
        "r2_endpoint": swift.endpoint,
        "r2_bucket": private,
        "r2_public_bucket": public,
        "r2_public_url": swift.public_url(public),
        "r2_access_key_id": swift.key_id,
        "r2_secret_access_key": swift.secret,
    }
