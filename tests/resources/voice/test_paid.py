"""Voices that are paid for, against providers that misbehave: what both engines do alike."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import formatdate
from pathlib import Path

import pytest
import soundfile

from dub_platform.core.errors import (
    BadTakeError,
    DubError,
    ProviderAnswerError,
    ProviderBusyError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from dub_platform.core.style.casting import Casting
from resources.providers.paid_once import Bill
from resources.system.calls import CallPolicy, retry_after
from resources.voice.elevenlabs import ElevenLabsVoice
from resources.voice.openai import OpenAIVoice
from resources.voice.paid import PaidVoice
from resources.voice.port import Reading
from tests.support.patience import HANG_SECONDS, plenty_for
from tests.support.servers.providers.elevenlabs_server import VOICES, ElevenLabsServer
from tests.support.servers.providers.openai_speech import OpenAISpeechServer
from tests.support.servers.providers.speech_provider import Fault, Faults, SpeechProvider

TEXT = "Mi padre era pescador y me enseñó a leer el viento."
READING = Reading(TEXT, "es", name="line 3 in es")
PATIENT = CallPolicy(try_seconds=HANG_SECONDS, deadline_seconds=HANG_SECONDS, first_pause=0.01)
KEY = "sk-0123456789abcdef"
# Faults that have no end but the limit of a try.
ENDLESS = (Fault.HANG, Fault.DRIP)


@dataclass(frozen=True)
class Desk:
    """An engine with the provider it talks to."""

    voice: PaidVoice
    server: SpeechProvider
    folder: Path

    def speak(self, bill: Bill | None = None, reading: Reading = READING) -> float:
        """How many seconds of sound there are."""
        into = self.folder / "take.wav"
        self.voice.speak(reading, into=into, bill=bill or Bill())
        return float(soundfile.info(into).duration)

    def charged(self) -> int:
        """What the provider wrote on its own bill, in characters."""
        return sum(entry["charged_characters"] for entry in self.server.asked())


@contextmanager
def elevenlabs(
    folder: Path, faults: Faults, policy: CallPolicy = PATIENT, key: str = KEY
) -> Iterator[Desk]:
    with ElevenLabsServer(folder / "asked.jsonl", faults, key=KEY) as server:
        casting = Casting.parse(f"default={VOICES[0]}")
        voice = ElevenLabsVoice(key, casting, base_url=server.url, policy=policy)
        yield Desk(voice, server, folder)


@contextmanager
def elevenlabs_mp3(
    folder: Path, faults: Faults, policy: CallPolicy = PATIENT, key: str = KEY
) -> Iterator[Desk]:
    with ElevenLabsServer(folder / "asked.jsonl", faults, key=KEY) as server:
        voice = ElevenLabsVoice(
            key,
            Casting.parse(f"default={VOICES[0]}"),
            output_format="mp3_44100_128",
            base_url=server.url,
            policy=policy,
        )
        yield Desk(voice, server, folder)


@contextmanager
def openai(
    folder: Path, faults: Faults, policy: CallPolicy = PATIENT, key: str = KEY
) -> Iterator[Desk]:
    with OpenAISpeechServer(folder / "asked.jsonl", faults, key=KEY) as server:
        casting = Casting.parse("default=alloy")
        voice = OpenAIVoice(key, casting, base_url=f"{server.url}/v1", policy=policy)
        yield Desk(voice, server, folder)


engines = pytest.mark.parametrize("engine", [elevenlabs, elevenlabs_mp3, openai])
both = pytest.mark.parametrize("engine", [elevenlabs, openai])


def impatient(engine: type, folder: Path) -> CallPolicy:
    """A policy that leaves what hangs soon, and nothing else however slow the machine is."""
    before = folder / "before"
    before.mkdir()
    with engine(before, Faults()) as desk:
        desk.speak()  # The first call makes clients and reads tables.
        return replace(PATIENT, try_seconds=plenty_for(desk.speak))


@engines
@pytest.mark.parametrize("fault", Fault)
def test_one_fault_costs_one_more_try(engine: type, fault: Fault, tmp_path: Path) -> None:
    """The line is spoken whole, and what the provider charged is on the bill."""
    bill = Bill()
    policy = impatient(engine, tmp_path) if fault in ENDLESS else PATIENT
    with engine(tmp_path, Faults([fault]), policy) as desk:
        assert desk.speak(bill) > 2.0
        assert [fault.value, None] == [entry["fault"] for entry in desk.server.asked()]
        assert desk.charged() == bill.units
        assert "req_000002" == bill.request_id


@both
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.TOO_MANY, ProviderBusyError),
        (Fault.ERROR, ProviderUnavailableError),
        (Fault.BAD_GATEWAY, ProviderUnavailableError),
        (Fault.HALF_BODY, ProviderUnavailableError),
        (Fault.EMPTY_BODY, ProviderAnswerError),
        (Fault.HTML, ProviderAnswerError),
        (Fault.WRONG_JSON, ProviderAnswerError),
        (Fault.SILENT, BadTakeError),
        (Fault.TRUNCATED, BadTakeError),
    ],
)
def test_a_fault_that_lasts_ends_after_three_tries(
    engine: type, fault: Fault, error: type[DubError], tmp_path: Path
) -> None:
    """With an error that a later run can get past; no file is left, and what was paid is known."""
    bill = Bill()
    with engine(tmp_path, Faults([fault] * 10)) as desk:
        with pytest.raises(error) as failed:
            desk.speak(bill)
        assert failed.value.retryable
        assert 3 == len(desk.server.asked())
        assert desk.charged() == bill.units
    assert not (tmp_path / "take.wav").exists()


@both
@pytest.mark.parametrize("fault", ENDLESS)
def test_no_try_outlasts_its_limit(engine: type, fault: Fault, tmp_path: Path) -> None:
    """A provider that hangs, or that feeds a byte at a time, is left at the limit of the try."""
    policy = replace(impatient(engine, tmp_path), tries=2)
    with engine(tmp_path, Faults([fault] * 10), policy) as desk:
        with pytest.raises(ProviderUnavailableError, match="no whole answer within the limit"):
            desk.speak()
        assert [fault.value] * 2 == [entry["fault"] for entry in desk.server.asked()]


@both
def test_retry_after_is_honoured(engine: type, tmp_path: Path) -> None:
    """The provider's pause is taken instead of ours, which would be past the deadline here."""
    policy = CallPolicy(first_pause=1e6, longest_pause=1e6, deadline_seconds=HANG_SECONDS)
    with engine(tmp_path, Faults([Fault.TOO_MANY_FOR_NOW]), policy) as desk:
        assert desk.speak() > 2.0
    with (
        engine(tmp_path, Faults([Fault.TOO_MANY]), policy) as desk,
        pytest.raises(ProviderBusyError),
    ):
        desk.speak()


@both
def test_a_wrong_key_is_refused_once_and_never_shown(
    engine: type, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The error names the provider, the status, the request and the line, and not the key."""
    caplog.set_level(logging.DEBUG)
    with engine(tmp_path, Faults(), key="sk-wrong-0123456789") as desk:
        with pytest.raises(ProviderRefusedError) as failed:
            desk.speak()
        assert 1 == len(desk.server.asked())
        shown = "".join(traceback.format_exception(failed.value)) + repr(vars(failed.value))
        assert desk.voice.provider in shown
        assert "line 3 in es: 401: invalid_api_key" in shown
        assert "(request req_000001)" in shown
        assert "sk-wrong" not in shown + repr(desk.voice) + caplog.text


@both
def test_a_key_that_the_provider_repeats_is_not_shown(
    engine: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some servers put the wrong key into their answer."""
    with engine(tmp_path, Faults(), key="sk-wrong-0123456789") as desk:
        error = type(desk.server).error
        monkeypatch.setattr(
            type(desk.server),
            "error",
            lambda *_: _repeating(error(*_), "sk-wrong-0123456789"),
        )
        with pytest.raises(ProviderRefusedError) as failed:
            desk.speak()
        shown = "".join(traceback.format_exception(failed.value)) + repr(vars(failed.value))
        assert "[key]" in shown
        assert "sk-wrong" not in shown


def _repeating(body: dict[str, dict[str, str]], key: str) -> dict[str, dict[str, str]]:
    for part in body.values():
        part["message"] = f"Incorrect API key provided: {key}."
    return body


@both
def test_a_provider_that_cannot_be_reached_charges_nothing(engine: type, tmp_path: Path) -> None:
    """Three tries are made, and the bill stays empty."""
    bill = Bill()
    with engine(tmp_path, Faults()) as desk:
        pass
    with pytest.raises(ProviderUnavailableError, match="ConnectError"):
        desk.speak(bill)
    assert Bill() == bill


@both
def test_the_line_end_of_a_key_file_is_no_part_of_the_key(engine: type, tmp_path: Path) -> None:
    """Keys are read from files that end with one."""
    with engine(tmp_path, Faults(), key=f"{KEY}\n") as desk:
        assert desk.speak() > 2.0


def test_retry_after_is_seconds_or_a_date() -> None:
    """What is neither says nothing; what is past is now."""
    assert 7.0 == retry_after({"retry-after": "7"})
    assert 0.0 == retry_after({"retry-after": "-1"})
    in_a_minute = retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert in_a_minute is not None
    assert 50 < in_a_minute <= 60
    assert 0.0 == retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert (None, None) == (retry_after({}), retry_after({"retry-after": "soon"}))
