"""A language model on a machine of one's own: no key, no charge, and less of the API."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dub_platform import wiring
from dub_platform.core.errors import EngineUnavailableError, ProviderRefusedError
from dub_platform.core.speech import Line, Transcript, TranslatedLine, Translation
from dub_platform.core.style.brief import Brief
from dub_platform.engines.provisions import policy
from dub_platform.settings import Settings, WrongSettingError
from resources.providers.paid_once import Bill
from resources.store.local import LocalStore
from resources.system.calls import CallPolicy
from resources.translator.chat import FORMATS, PATIENT, OpenAIChat, Question, TokenPrice
from resources.translator.openai import OpenAITranslator
from tests.support.new_registries import make_registry
from tests.support.servers.providers.accounts import Accounts
from tests.support.servers.providers.openai_server import OpenAIServer
from tests.support.servers.providers.own_llm import MODEL, OwnLLM


def transcript(count: int = 3) -> Transcript:
    """Lines that the model knows words of."""
    lines = (Line(n, float(n), n + 0.9, f"the house and the wind {n}") for n in range(count))
    return Transcript("en", "test", tuple(lines))


def make_translator(server: OwnLLM, folder: Path) -> OpenAITranslator:
    """One without a key, with nothing translated yet."""
    chat = OpenAIChat("", MODEL, server.base_url)
    folder.mkdir(exist_ok=True)
    store = LocalStore(folder / "store", "http://127.0.0.1/media")
    return OpenAITranslator(chat, TokenPrice(0.0, 0.0), store, Accounts.below(folder).ledger())


def test_where_no_key_is_wanted_none_is_sent(tmp_path: Path) -> None:
    """Not even an empty one: a proxy before the server would refuse it."""
    with OwnLLM() as server:
        answer = make_translator(server, tmp_path).translate(transcript(), "es")
    assert "la casa and la viento 0" == answer.lines[0].text
    assert 0.0 == answer.cost_usd
    assert server.headers
    assert not any("authorization" in headers for headers in server.headers)


def test_openai_itself_wants_a_key() -> None:
    """Which is said before anything is asked."""
    with pytest.raises(EngineUnavailableError, match="OPENAI_API_KEY is empty"):
        OpenAIChat("", "gpt-5.4-mini")


@pytest.mark.parametrize("structures", FORMATS)
def test_what_a_server_cannot_structure_is_asked_for_more_plainly(
    tmp_path: Path, structures: str
) -> None:
    """Once, told in the log, and kept to; in words, an answer is found among others."""
    with OwnLLM(structures) as server, capture_logs() as logs:
        translator = make_translator(server, tmp_path)
        for language in ("es", "ca"):
            assert 3 == len(translator.translate(transcript(), language).lines)
    tried = FORMATS[: FORMATS.index(structures) + 1]
    assert [*tried, structures] == server.formats
    told = [log["response_format"] for log in logs if "does not structure" in log["event"]]
    assert list(tried[:-1]) == told
    assert structures == translator._chat.structures
    asks_in_words = ["in this schema" in system for system in server.systems]
    assert [structures != "json_schema"] * 2 == asks_in_words


def test_a_question_that_is_refused_for_another_reason_is_asked_once() -> None:
    """A wrong key is no matter of the answer's form."""
    with OpenAIServer() as server:
        chat = OpenAIChat("sk-wrong", MODEL, server.base_url)
        with pytest.raises(ProviderRefusedError):
            chat.answer("a line", _question(), lambda said: said, TokenPrice(0, 0), Bill())
    assert "json_schema" == chat.structures


def test_a_small_context_is_not_asked_for_more_than_it_takes(tmp_path: Path) -> None:
    """What the server says of its model is looked up once; no line is lost."""
    with OwnLLM(context=1_500) as server:
        answer = make_translator(server, tmp_path / "small").translate(transcript(40), "es")
        assert 40 == len(answer.lines) == sum(server.lines)
        assert max(server.lines) < 20
        assert 1 == server.looks
    with OwnLLM() as server:
        make_translator(server, tmp_path / "unknown").translate(transcript(40), "es")
        assert [40] == server.lines


class TestWiring:
    """Each work at an address of its own."""

    @pytest.fixture(autouse=True)
    def nowhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """No .env of the checkout is read, and no key of OpenAI's."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def test_a_key_of_openais_is_not_sent_to_another_server(self, tmp_path: Path) -> None:
        """Nor is anything charged where no key is known."""
        with OwnLLM() as server:
            settings = Settings(
                home=tmp_path,
                translator="openai",
                OPENAI_API_KEY="sk-openai",
                openai_translation_base_url=server.base_url,
                openai_translation_model=MODEL,
            )
            make_registry(settings.registry_url)
            translator = wiring.translator(settings, wiring.store(settings))
            answer = translator.translate(transcript(), "es", Brief(video_id="video"))
        assert 3 == len(answer.lines)
        assert 0.0 == answer.cost_usd
        assert "sk-openai" not in str(server.headers)
        assert 0.0 == wiring.prices(settings).translation_per_million_output_tokens

    def test_lines_are_said_shorter_by_a_model_of_its_own(self, tmp_path: Path) -> None:
        """Whoever translates."""
        with OwnLLM() as server:
            settings = Settings(
                home=tmp_path,
                openai_rewriting_base_url=server.base_url,
                openai_rewriting_model=MODEL,
            )
            make_registry(settings.registry_url)
            kept = wiring.store(settings)
            keeper, translates = wiring.takes(settings, kept), wiring.translator(settings, kept)
            rewriter = wiring.rewriter(settings, kept, keeper, translates)
            draft = Translation("es", "apertium", (TranslatedLine(1, "la casa y el viento"),))
            brief = Brief(video_id="video", budgets={1: 12})
            shorter = rewriter.translator.shorten(transcript(), draft, brief)
        assert ("la casa y", 1) == (shorter.lines[0].text, shorter.rewrites)

    @pytest.mark.parametrize("work", ["translation", "rewriting", "speech"])
    def test_a_key_without_a_server_is_missed_by_name(
        self, work: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It would be sent nowhere."""
        monkeypatch.setenv(f"DUB_OPENAI_{work.upper()}_API_KEY", "any")
        lacks = f"DUB_OPENAI_{work.upper()}_BASE_URL"
        with pytest.raises(WrongSettingError, match=f"needs {lacks}"):
            Settings.from_environment()

    def test_a_server_of_ones_own_has_the_time_that_it_takes(self) -> None:
        """And a model at a provider more than a voice; what is set is kept to."""
        own = Settings(openai_translation_base_url="http://gpu/v1").openai_server("translation")
        paid = Settings().openai_server("translation")
        assert (600.0, 1800.0) == _limits(policy(Settings(), own))
        assert (60.0, 150.0) == _limits(policy(Settings()))
        assert (120.0, 300.0) == _limits(policy(Settings(), paid, PATIENT))
        chosen = Settings(provider_try_seconds=5.0, provider_deadline_seconds=9.0)
        assert (5.0, 9.0) == _limits(policy(chosen, own))


def _limits(policy: CallPolicy) -> tuple[float, float]:
    return policy.try_seconds, policy.deadline_seconds


def _question() -> Question:
    return Question("Translate.", '{"lines": []}', {"type": "object"})
