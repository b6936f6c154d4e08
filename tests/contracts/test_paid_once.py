"""What everything promises that is paid for: in the ledger first, kept next, settled last, and
never bought twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

from dub_platform.core.errors import CostCapError, ProviderUnavailableError, StorageFullError
from dub_platform.core.service.cost import Caps, PaidCall
from dub_platform.core.speech import Line, Span, Transcript, TranslatedLine
from dub_platform.core.style.brief import Brief
from dub_platform.core.style.casting import Casting
from resources.providers.ledger import Ledger
from resources.store.copies import Copies
from resources.store.local import LocalStore
from resources.system.calls import CallPolicy, ProviderCalls
from resources.system.workfolder import WorkFolders
from resources.transcriber.elevenlabs import ElevenLabsTranscriber
from resources.transcriber.openai import OpenAITranscriber
from resources.translator.chat import OpenAIChat, TokenPrice
from resources.translator.openai import OpenAITranslator
from resources.voice.elevenlabs import ElevenLabsVoice
from resources.voice.takes import TakeKeeper
from tests.resources.voice.test_takes import KEEP
from tests.support.patience import HANG_SECONDS
from tests.support.recipes.speech import music, write_wav
from tests.support.servers.providers.accounts import NO_CAPS, Accounts
from tests.support.servers.providers.elevenlabs_audio import ElevenLabsAudioServer
from tests.support.servers.providers.elevenlabs_server import VOICES, ElevenLabsServer
from tests.support.servers.providers.openai_audio import OpenAIAudioServer, Said, always
from tests.support.servers.providers.openai_server import Fault as ChatFault
from tests.support.servers.providers.openai_server import OpenAIServer
from tests.support.servers.providers.speech_provider import Fault, Faults

QUICK = CallPolicy(try_seconds=HANG_SECONDS, deadline_seconds=HANG_SECONDS, first_pause=0.001)
TEXT = "Good morning, and welcome to the harbor."
VIDEO = "dQw4w9WgXcQ"


class KilledError(BaseException):
    """The process ends here, whatever it was about to do."""


@dataclass
class WatchedLedger:
    """Notes how much was asked and kept when a row was opened and settled."""

    ledger: Ledger
    look: Callable[[], tuple[int, int]]
    seen: list[tuple[str, int, int]] = field(default_factory=list)
    dies: bool = False

    def open(self, call: PaidCall) -> int:
        self.seen.append(("opened", *self.look()))
        return self.ledger.open(call)

    def settle(self, call_id: int, **ended: Any) -> None:
        self.seen.append(("settled", *self.look()))
        if self.dies:
            raise KilledError
        self.ledger.settle(call_id, **ended)

    def close(self, call_id: int, why: str) -> None:
        self.ledger.close(call_id, why)

    def use(self, role: str, key: str, video_id: str) -> None:
        self.ledger.use(role, key, video_id)


@dataclass
class Buyer:
    """An engine that is paid for at a provider of its own; what is kept and booked.

    `asked` is how many requests there were, `fail(errors, lost)` makes the next ones go wrong: so
    many are errors, then of so many the answer is lost on its way.
    """

    folder: Path
    asked: Callable[[], int]
    fail: Callable[[int, int], object]
    engine: Callable[[Buyer, Ledger, bool], Callable[[], float]]

    def __post_init__(self) -> None:
        self.store = LocalStore(self.folder / "store", "http://dub.test/media")
        self.accounts = Accounts.below(self.folder)
        self.ledger = WatchedLedger(self.accounts.ledger(), lambda: (self.asked(), self.kept()))

    def buy(self, *, caps: Caps = NO_CAPS, is_free: bool = False) -> float:
        """What is always the same, by a process of its own; what was paid for it now."""
        self.ledger.ledger = self.accounts.ledger(caps)
        return self.engine(self, self.ledger, is_free)()

    def kept(self) -> int:
        return sum(path.is_file() for path in (self.folder / "store").rglob("*"))

    def booked(self) -> list[tuple[str, float]]:
        """How each call in the account ended, and what it cost."""
        return [(row["status"].value, row["cost_usd"]) for row in self.accounts.rows()]


def voice(buyer: Buyer, ledger: Ledger, server: ElevenLabsServer, is_free: bool) -> float:
    speaks = ElevenLabsVoice(
        server.key,
        Casting.parse(f"default={VOICES[0]}"),
        usd_per_1000_characters=0.0 if is_free else 0.1,
        base_url=server.url,
        policy=QUICK,
    )
    folders = WorkFolders(buyer.folder / "spool")
    keeper = TakeKeeper(buyer.store, speaks, folders, ledger, KEEP)
    with Copies(buyer.store, folders) as copies:
        lines = [TranslatedLine(0, "Buenos días, y bienvenidos al puerto.")]
        [take] = keeper.takes_of(VIDEO, lines, "es", {0: "1"}, copies)
    return take.paid_usd


def translator(buyer: Buyer, ledger: Ledger, server: OpenAIServer, is_free: bool) -> float:
    chat = OpenAIChat(server.api_key, "gpt-5.4-mini", server.base_url, QUICK)
    price = TokenPrice(0.0, 0.0) if is_free else TokenPrice(1.0, 10.0)
    transcript = Transcript("en", "test", (Line(0, 0.0, 3.0, TEXT),))
    engine = OpenAITranslator(chat, price, buyer.store, ledger)
    return engine.translate(transcript, "es", Brief(video_id=VIDEO)).cost_usd


def transcriber(buyer: Buyer, ledger: Ledger, server: OpenAIAudioServer, is_free: bool) -> float:
    engine = OpenAITranscriber(
        server.key,
        "whisper-1",
        store=buyer.store,
        ledger=ledger,
        usd_per_minute=0.0 if is_free else 0.006,
        base_url=server.url,
        policy=QUICK,
    )
    wav = buyer.folder / "speech.wav"
    write_wav(wav, music(7.0))
    return engine.transcribe(wav, (Span(0.5, 6.5),), "en", video_id=VIDEO).cost_usd


def scribe(buyer: Buyer, ledger: Ledger, server: ElevenLabsAudioServer, is_free: bool) -> float:
    engine = ElevenLabsTranscriber(
        server.key,
        store=buyer.store,
        ledger=ledger,
        usd_per_minute=0.0 if is_free else 0.006,
        base_url=server.origin,
        policy=QUICK,
    )
    wav = buyer.folder / "speech.wav"
    write_wav(wav, music(7.0))
    return engine.transcribe(wav, (Span(0.5, 6.5),), "en", video_id=VIDEO).cost_usd


@pytest.fixture(params=["voice", "translator", "transcriber", "scribe"])
def buyer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Buyer]:
    """Each in turn, with nothing kept and nothing paid."""
    if request.param == "translator":
        with OpenAIServer() as chat:
            yield Buyer(
                tmp_path,
                lambda: len(chat.asked),
                lambda errors, lost: chat.script(
                    *[ChatFault.BROKEN] * errors, *[ChatFault.HALF] * lost
                ),
                lambda buyer, ledger, free: lambda: translator(buyer, ledger, chat, free),
            )
        return
    said = always(Said(TEXT))
    servers: dict[str, ElevenLabsServer | OpenAIAudioServer] = {
        "voice": ElevenLabsServer(tmp_path / "asked.jsonl"),
        "transcriber": OpenAIAudioServer(said),
        "scribe": ElevenLabsAudioServer(said),
    }
    speech = servers[request.param]

    def fail(errors: int, lost: int) -> None:
        speech.faults = Faults([*[Fault.ERROR] * errors, *[Fault.HALF_BODY] * lost])

    with speech:
        engine = {"voice": voice, "transcriber": transcriber, "scribe": scribe}[request.param]
        yield Buyer(
            tmp_path,
            lambda: len(speech.asked()),
            fail,
            lambda buyer, ledger, free: lambda: engine(buyer, ledger, speech, free),  # type: ignore[operator]
        )


def test_it_is_booked_before_it_is_asked_for_and_settled_after_it_is_kept(buyer: Buyer) -> None:
    """So a machine that dies anywhere between has neither a debt nor an answer that is lost."""
    cost = buyer.buy()
    assert [("opened", 0, 0), ("settled", 1, buyer.kept())] == buyer.ledger.seen
    assert buyer.kept() > 0
    assert [("settled", pytest.approx(cost))] == buyer.booked()
    assert cost > 0


def test_what_was_bought_is_not_bought_again(buyer: Buyer) -> None:
    """No request, no row, no cost."""
    buyer.buy()
    assert 0.0 == buyer.buy()
    assert (1, 1) == (buyer.asked(), len(buyer.booked()))


def test_what_was_kept_before_its_buyer_was_killed_is_not_bought_again(buyer: Buyer) -> None:
    """Its row stays open, and counts as spent."""
    buyer.ledger.dies = True
    with pytest.raises(KilledError):
        buyer.buy()
    buyer.ledger.dies = False
    assert 0.0 == buyer.buy()
    [(status, cost)] = buyer.booked()
    assert ("open", 1) == (status, buyer.asked())
    assert cost > 0


def test_an_error_costs_nothing_and_says_why(buyer: Buyer) -> None:
    """As the provider charges nothing for it."""
    buyer.fail(3, 0)
    with pytest.raises(ProviderUnavailableError) as failed:
        buyer.buy()
    assert [("failed", 0.0)] == buyer.booked()
    assert [failed.value.sentence] == [row["reason"] for row in buyer.accounts.rows()]
    assert buyer.buy() > 0


def test_an_answer_that_was_lost_is_counted_beside_the_one_that_came(buyer: Buyer) -> None:
    """The provider made both."""
    buyer.fail(0, 1)
    cost = buyer.buy()
    [(status, booked)] = buyer.booked()
    assert ("settled", pytest.approx(cost), 2) == (status, booked, buyer.asked())
    [row] = buyer.accounts.rows()
    assert cost > 1.2 * row["estimated_usd"]


def test_answers_that_are_all_lost_are_not_free(buyer: Buyer) -> None:
    """Whether what they cost is known or not."""
    buyer.fail(0, 3)
    with pytest.raises(ProviderUnavailableError):
        buyer.buy()
    [(status, cost)] = buyer.booked()
    assert "failed" != status
    assert cost > 0


def test_what_cannot_be_kept_is_paid_all_the_same(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is settled at its cost; with space, it is bought anew."""

    def full(*_: object) -> NoReturn:
        raise StorageFullError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "put_bytes", full)
        with pytest.raises(StorageFullError):
            buyer.buy()
    [(status, cost)] = buyer.booked()
    assert "settled" == status
    assert cost > 0
    assert buyer.buy() > 0


def test_a_mistake_of_ours_counts_as_spent(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows how far the call came. What a server can do is asked before, and is free."""
    call = ProviderCalls.call

    def mistaken(calls: ProviderCalls, what: str, request: Callable[[], Awaitable[Any]]) -> Any:
        if what == "what its models can do":
            return call(calls, what, request)
        raise RuntimeError

    monkeypatch.setattr(ProviderCalls, "call", mistaken)
    with pytest.raises(RuntimeError):
        buyer.buy()
    [(status, cost)] = buyer.booked()
    assert "open" == status
    assert cost > 0


def test_a_cap_stops_it_before_it_is_asked_for(buyer: Buyer) -> None:
    """Nothing is asked, kept or booked."""
    with pytest.raises(CostCapError):
        buyer.buy(caps=Caps(per_video_usd=0.0))
    assert (0, 0, []) == (buyer.asked(), buyer.kept(), buyer.booked())


def test_what_is_free_is_no_row(buyer: Buyer) -> None:
    """Somebody's own server costs nothing here, and is not asked again either."""
    assert (0.0, 0.0) == (buyer.buy(is_free=True), buyer.buy(is_free=True))
    assert (1, []) == (buyer.asked(), buyer.booked())
