"""OpenAI's transcription through its SDK, over HTTP, at a server that misbehaves by script."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from dub_platform.core.errors import (
    CostCapError,
    DubError,
    ProviderAnswerError,
    ProviderBusyError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from dub_platform.core.service.cost import Caps
from dub_platform.core.speech import Heard, Span
from resources.catalogue.removal import Remover
from resources.store.local import LocalStore
from resources.system.calls import CallPolicy
from resources.transcriber.openai import OpenAITranscriber
from tests.support.patience import HANG_SECONDS, plenty_for
from tests.support.recipes.speech import RATE, write_wav
from tests.support.recipes.speech import music as sound
from tests.support.servers.providers.accounts import Accounts
from tests.support.servers.providers.openai_audio import OpenAIAudioServer, Said, always
from tests.support.servers.providers.speech_provider import Fault, Faults

TEXT = "Good morning, and welcome to the harbor."
SPEECH = (Span(0.5, 3.0), Span(4.0, 6.5))
# Longer than one request takes: two of them.
LONG = (Span(0.5, 50.0), Span(52.0, 100.0))
QUICK = CallPolicy(
    try_seconds=HANG_SECONDS, deadline_seconds=HANG_SECONDS, first_pause=0.01, longest_pause=0.02
)
SECONDS_OF_SPEECH = 6

Make = Callable[..., OpenAITranscriber]


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred seconds; what is in it does not matter here."""
    path = tmp_path_factory.mktemp("audio") / "speech.wav"
    write_wav(path, sound(101.0))
    return path


@pytest.fixture
def server() -> Iterator[OpenAIAudioServer]:
    """One that hears the same in every sound."""
    with OpenAIAudioServer(always(Said(TEXT))) as started:
        yield started


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    """An empty account."""
    return Accounts.below(tmp_path)


@pytest.fixture
def make(server: OpenAIAudioServer, accounts: Accounts, tmp_path: Path) -> Make:
    """A transcriber at the server."""

    def made(
        model: str = "whisper-1",
        *,
        key: str = server.key,
        caps: Caps = Caps(),  # noqa: B008 - it is frozen
        policy: CallPolicy = QUICK,
        usd_per_minute: float = 0.006,
        base_url: str = server.url,
    ) -> OpenAITranscriber:
        return OpenAITranscriber(
            key,
            model,
            store=LocalStore(tmp_path / "store", "http://127.0.0.1"),
            ledger=accounts.ledger(caps),
            usd_per_minute=usd_per_minute,
            base_url=base_url,
            parallel=1,
            policy=policy,
        )

    return made


def script(server: OpenAIAudioServer, *faults: Fault | None) -> None:
    """What happens to the next requests; after them all is well."""
    server.faults = Faults(faults)


def texts(heard: Heard) -> list[str]:
    """Each segment's words as a sentence."""
    return [" ".join(word.text for word in segment.words) for segment in heard.segments]


def doubts(heard: Heard) -> set[str]:
    """What is said against the words."""
    return {word.doubt for segment in heard.segments for word in segment.words}


def test_only_speech_is_sent_and_with_what_the_documentation_asks_for(
    make: Make, server: OpenAIAudioServer, audio: Path
) -> None:
    """Both spans go in one request, half a second apart, and nothing of what is around them."""
    make().transcribe(audio, SPEECH, "en")
    (asked,) = server.asked()
    assert {
        "model": "whisper-1",
        "language": "en",
        "response_format": "verbose_json",
        "timestamp_granularities[]": ["word", "segment"],
    } == asked.fields
    assert 2 * (2.5 + 0.2) + 0.5 == pytest.approx(asked.seconds, abs=0.001)


def test_words_get_the_marks_and_capitals_of_the_text(make: Make, audio: Path) -> None:
    """The API's words come without them; the lines and the translator need them."""
    heard = make().transcribe(audio, SPEECH, "en")
    assert TEXT == " ".join(texts(heard))
    assert 2 == len(heard.segments)
    assert {""} == doubts(heard)


@pytest.mark.parametrize("times", ["segments", "none"])
def test_a_server_that_gives_no_times_to_words_is_good_enough(
    make: Make, server: OpenAIAudioServer, audio: Path, times: str
) -> None:
    """Their text is spread over what there is a time for."""
    server.hears = always(Said(TEXT, times=times))
    heard = make().transcribe(audio, SPEECH, "en")
    assert TEXT == " ".join(texts(heard))


def test_models_that_give_text_only_are_sent_one_span_at_a_time(
    make: Make, server: OpenAIAudioServer, audio: Path
) -> None:
    """So that each span's words are known to lie in it."""
    heard = make("gpt-transcribe").transcribe(audio, SPEECH, "en")
    assert [TEXT, TEXT] == texts(heard)
    assert ["json", "json"] == [asked.fields["response_format"] for asked in server.asked()]


@pytest.mark.parametrize(
    ("model", "said", "code"),
    [
        ("whisper-1", Said("Mi padre era pescador.", language="spanish"), "es"),
        ("whisper-1", Said("Tatay ko ay mangingisda.", language="tl"), "fil"),
        ("gpt-transcribe", Said("Mi padre era pescador y me enseñó a leer el viento."), "es"),
    ],
    ids=["written out", "as a code", "from the text"],
)
def test_the_language_is_told_when_it_is_not_named(
    make: Make, server: OpenAIAudioServer, audio: Path, model: str, said: Said, code: str
) -> None:
    """As the server says, or as the text does; nothing is sent for it."""
    server.hears = always(said)
    assert code == make(model).transcribe(audio, SPEECH, "auto").language
    assert not {"language", "languages[]"} & set(server.asked()[0].fields)


@pytest.mark.parametrize(
    ("model", "field", "hint"),
    [("whisper-1", "language", "en"), ("gpt-transcribe", "languages[]", ["en"])],
)
def test_a_named_language_is_told_as_the_model_takes_it(
    make: Make, server: OpenAIAudioServer, audio: Path, model: str, field: str, hint: object
) -> None:
    """One, or as the newest model has it, those that it can be."""
    make(model).transcribe(audio, SPEECH, "en")
    assert hint == server.asked()[0].fields[field]


@pytest.mark.parametrize(
    ("said", "kept", "why", "doubt"),
    [
        (Said(TEXT, log_probability=-1.5, no_speech=0.9), [], "found no speech there", ""),
        (Said("Thank you. " * 8), [], "said the same words over and over", ""),
        (Said(TEXT, log_probability=-1.5), [TEXT], "", "the recogniser is unsure of it"),
    ],
    ids=["silence", "loop", "unsure"],
)
def test_what_the_server_doubts_is_left_out_or_marked(
    make: Make,
    server: OpenAIAudioServer,
    audio: Path,
    said: Said,
    kept: list[str],
    why: str,
    doubt: str,
) -> None:
    """By the same limits as with Whisper on this machine."""
    server.hears = always(said)
    heard = make().transcribe(audio, SPEECH[:1], "en")
    assert kept == texts(heard)
    assert why in heard.why
    assert ({doubt} if kept else set()) == doubts(heard)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.TOO_MANY,
        Fault.TOO_MANY_FOR_NOW,
        Fault.ERROR,
        Fault.BAD_GATEWAY,
        Fault.HALF_BODY,
        Fault.EMPTY_BODY,
        Fault.HTML,
        Fault.WRONG_JSON,
    ],
)
def test_a_fault_that_passes_costs_a_try(
    make: Make, server: OpenAIAudioServer, audio: Path, fault: Fault
) -> None:
    """The same request is made again and its answer is as if nothing had been."""
    script(server, fault)
    heard = make().transcribe(audio, SPEECH, "en")
    assert TEXT == " ".join(texts(heard))
    assert 2 == len(server.asked())


@pytest.mark.parametrize("usd_per_minute", [0.006, 0.0])
def test_an_answer_goes_with_the_last_video_that_uses_it(
    make: Make,
    server: OpenAIAudioServer,
    audio: Path,
    accounts: Accounts,
    tmp_path: Path,
    usd_per_minute: float,
) -> None:
    """Whichever of them paid for it, and also where it cost nothing."""
    engine = make(usd_per_minute=usd_per_minute)
    for video_id in ("asked", "found"):
        engine.transcribe(audio, SPEECH, "en", video_id)
    store = LocalStore(tmp_path / "store", "http://127.0.0.1")
    remover = Remover(store, accounts.ledger().calls)
    remover.clear("asked")
    engine.transcribe(audio, SPEECH, "en", "found")
    assert 1 == len(server.asked())
    remover.clear("found")
    assert [] == list(store.keys("transcriptions/"))


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP])
def test_an_answer_that_does_not_end_is_cut_off(
    make: Make, server: OpenAIAudioServer, audio: Path, fault: Fault
) -> None:
    """A byte now and then is no more waited for than none: the next try has the answer."""
    make().transcribe(audio, LONG[:1], "en")  # The first call makes clients and reads tables.
    limit = plenty_for(lambda: make().transcribe(audio, LONG[1:], "en"))
    before = len(server.asked())
    script(server, fault)
    heard = make(policy=replace(QUICK, try_seconds=limit)).transcribe(audio, SPEECH, "en")
    assert TEXT == " ".join(texts(heard))
    assert before + 2 == len(server.asked())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.TOO_MANY, ProviderBusyError),
        (Fault.ERROR, ProviderUnavailableError),
        (Fault.WRONG_JSON, ProviderAnswerError),
    ],
)
def test_a_fault_that_stays_ends_after_three_tries_and_names_the_place(
    make: Make, server: OpenAIAudioServer, audio: Path, fault: Fault, error: type[DubError]
) -> None:
    """Provider, request and where in the video it was."""
    script(server, *[fault] * 3)
    with pytest.raises(error, match=r"127\.0\.0\.1 .*the speech from 0\.4 s on.*req_0003"):
        make().transcribe(audio, SPEECH, "en")
    assert 3 == len(server.asked())


def test_a_wrong_key_is_said_once_and_never_spelled_out(
    make: Make, server: OpenAIAudioServer, audio: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server quotes it; neither the error nor what led to it nor a log line does."""
    wrong = "sk-wrong-0123456789"
    with caplog.at_level(logging.DEBUG), pytest.raises(ProviderRefusedError) as refused:
        make(key=wrong).transcribe(audio, SPEECH, "en")
    shown = "".join(traceback.format_exception(refused.value))
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("http")]
    assert "invalid_api_key" in refused.value.sentence
    assert wrong not in "\n".join([shown, *ours, *map(str, refused.value.as_details().values())])
    assert () == server.asked()


def test_what_was_paid_for_before_a_failure_is_not_paid_again(
    make: Make, server: OpenAIAudioServer, accounts: Accounts, audio: Path
) -> None:
    """The first of two requests is kept, though the second one failed for good."""
    script(server, None, *[Fault.ERROR] * 3)
    with pytest.raises(ProviderUnavailableError):
        make().transcribe(audio, LONG, "en")
    assert 4 == len(server.asked())
    heard = make().transcribe(audio, LONG, "en", video_id="dQw4w9WgXcQ")
    assert 5 == len(server.asked())
    assert 2 == len(heard.segments)
    assert ["settled", "failed", "settled"] == [row["status"] for row in accounts.rows()]


def test_the_same_sound_is_never_paid_twice(
    make: Make, server: OpenAIAudioServer, accounts: Accounts, audio: Path
) -> None:
    """But another model, or another language, is another answer."""
    first, again = (make().transcribe(audio, SPEECH, "en") for _ in range(2))
    assert first.segments == again.segments
    assert 0.0006 == pytest.approx(first.cost_usd)
    assert 0.0 == again.cost_usd
    assert 1 == len(accounts.rows())
    make().transcribe(audio, SPEECH, "de")
    assert 2 == len(server.asked())


@pytest.mark.parametrize(
    ("fault", "charged"),
    [(Fault.ERROR, 1), (Fault.HTML, 1), (Fault.WRONG_JSON, 2), (Fault.HALF_BODY, 2)],
)
def test_the_account_holds_every_try_that_may_have_been_charged(
    make: Make,
    server: OpenAIAudioServer,
    accounts: Accounts,
    audio: Path,
    fault: Fault,
    charged: int,
) -> None:
    """In seconds of sound, with the video and the last request's name."""
    script(server, fault)
    heard = make().transcribe(audio, SPEECH, "en", video_id="dQw4w9WgXcQ")
    (row,) = accounts.rows()
    assert ("dQw4w9WgXcQ", "transcriber", "req_0002", charged * SECONDS_OF_SPEECH) == (
        row["video_id"],
        row["role"],
        row["request_id"],
        row["units"],
    )
    assert row["cost_usd"] == heard.cost_usd


def test_a_cap_stops_it_before_it_asks(make: Make, server: OpenAIAudioServer, audio: Path) -> None:
    """What would cost too much is not done."""
    with pytest.raises(CostCapError):
        make(caps=Caps(per_video_usd=0.0001)).transcribe(audio, SPEECH, "en")
    assert () == server.asked()


def test_a_free_server_opens_no_rows(make: Make, accounts: Accounts, audio: Path) -> None:
    """Somebody's own GPU costs nothing here."""
    assert TEXT == " ".join(texts(make(usd_per_minute=0.0).transcribe(audio, SPEECH, "en")))
    assert [] == accounts.rows()


def test_a_server_that_is_not_there_is_said_and_charged_nothing(
    make: Make, accounts: Accounts, audio: Path
) -> None:
    """Three tries, and a sentence with the host in it."""
    with pytest.raises(ProviderUnavailableError, match=r"127\.0\.0\.1 did not do the speech"):
        make(base_url="http://127.0.0.1:9/v1").transcribe(audio, SPEECH, "en")
    assert ["failed"] == [row["status"] for row in accounts.rows()]


def test_what_is_sent_is_what_was_recorded(
    make: Make, server: OpenAIAudioServer, audio: Path
) -> None:
    """Sample for sample, as a WAV that anything can read."""
    received: list[bytes] = []

    def hears(path: Path) -> Said:
        received.append(path.read_bytes())
        return Said(TEXT, times="none")

    server.hears = hears
    make().transcribe(audio, [Span(1.0, 2.0)], "en")
    sent, rate = soundfile.read(io.BytesIO(received[0]), dtype="int16")
    recorded, _ = soundfile.read(audio, dtype="int16")
    assert RATE == rate
    assert recorded[round(0.9 * RATE) : round(2.1 * RATE)].tolist() == sent.tolist()
