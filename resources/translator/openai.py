"""Translation by a language model, at OpenAI or any server that speaks its API.

    chat = OpenAIChat(api_key, model="gpt-5.4-mini")
    translator = OpenAITranslator(chat, TokenPrice(0.75, 4.50), store, ledger)
    translation = translator.translate(transcript, "es", Brief(video_id="ID", budgets=budgets))

Lines go out in batches. What comes back is kept after every answer under the key of all that
shaped it, so a run that failed or is repeated pays only for what is not there yet. Lines that an
answer lacks or spoils are asked for again, and nothing else is. It is held to the promises in
`tests/contracts/test_translator.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import structlog
from pydantic import TypeAdapter

from dub_platform.core.errors import LanguageNotAvailableError, ProviderAnswerError
from dub_platform.core.keys import key_of
from dub_platform.core.languages import nearest
from dub_platform.core.service.cost import PaidCall
from dub_platform.core.speech import Line, Transcript, TranslatedLine, Translation
from dub_platform.core.style.brief import Brief
from dub_platform.core.text.batches import batches
from dub_platform.core.timing.budget import fits
from resources.providers.ledger import Ledger
from resources.providers.paid_once import Bill, PaidOnce
from resources.store.port import Store
from resources.system.threads import ContextPool
from resources.translator.capabilities import OPENAI_LANGUAGES, openai_facts
from resources.translator.chat import OpenAIChat, TokenPrice
from resources.translator.port import NO_BRIEF
from resources.translator.prompt import (
    NEIGHBOURS,
    PROMPT_VERSION,
    Batch,
    ask_for,
    material,
    read_usable,
)

ROLE = "translator"
# A model that still spoils more lines than this when asked again does not do what it is asked.
MOST_ALONE = 8
# A long video is some fifty batches, each a matter of a quarter of a minute.
_AT_ONCE = 4
# What a question may take of a model's context: languages differ in the tokens of a word.
_OF_CONTEXT = 0.6
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Written:
    """What is known of a batch: texts by number, after so many answers, for so much money."""

    texts: Mapping[int, str] = field(default_factory=dict)
    answers: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class _Receipt:
    """Texts by line id, and what was paid for them now."""

    texts: Mapping[int, str]
    cost_usd: float


_WRITTEN = TypeAdapter(_Written)


class OpenAITranslator:
    """A chat model as a translator, with a memory of what it was paid for."""

    heeds_wording = True

    def __init__(self, chat: OpenAIChat, price: TokenPrice, store: Store, ledger: Ledger) -> None:
        self.engine = chat.engine
        self._chat = chat
        self._price = price
        self._store = store
        self._paid = PaidOnce(store, ledger, ROLE)

    def targets(self, source: str) -> tuple[str, ...]:
        return openai_facts().targets(source)

    def engine_for(self, source: str, language: str) -> str:  # noqa: ARG002 - it is one for all
        return self.engine

    def translate(
        self,
        transcript: Transcript,
        language: str,
        brief: Brief = NO_BRIEF,
        *,
        only: Collection[int] | None = None,
    ) -> Translation:
        self._refuse_unknown(transcript.language, language)
        todo = _make_batches(transcript, language, brief, only)
        receipt = self._in_parallel(self._translate_batch, todo)
        lines = tuple(
            TranslatedLine(line.id, receipt.texts[line.id])
            for line in transcript.lines
            if line.id in receipt.texts
        )
        draft = Translation(language, self.engine, lines, cost_usd=receipt.cost_usd)
        return self.shorten(transcript, draft, brief)

    def shorten(
        self, transcript: Transcript, translation: Translation, brief: Brief
    ) -> Translation:
        receipt = self._in_parallel(
            self._reword_batch, _batch_long_lines(transcript, translation, brief)
        )
        lines = tuple(
            TranslatedLine(line.id, receipt.texts.get(line.id, line.text))
            for line in translation.lines
        )
        return dataclasses.replace(
            translation,
            lines=lines,
            rewrites=translation.rewrites + len(receipt.texts),
            cost_usd=translation.cost_usd + receipt.cost_usd,
        )

    def close(self) -> None:
        """Nothing is kept warm: a connection lives as long as its request."""

    def _refuse_unknown(self, source: str, language: str) -> None:
        targets = self.targets(source)
        if nearest(language, targets) is None:
            raise LanguageNotAvailableError(
                f"{self.engine} does not translate {source!r} into {language!r}. "
                f"It writes {', '.join(targets or OPENAI_LANGUAGES)}."
            )

    def _in_parallel(self, work: Callable[[Batch], _Receipt], todo: Sequence[Batch]) -> _Receipt:
        """Return all receipts as one. The first failure ends what has not begun; the rest is
        kept."""
        with ContextPool(_AT_ONCE, thread_name_prefix="translate") as pool:
            receipts = list(pool.map(work, todo))
        texts = {line_id: text for each in receipts for line_id, text in each.texts.items()}
        return _Receipt(texts, sum(each.cost_usd for each in receipts))

    def _translate_batch(self, batch: Batch) -> _Receipt:
        """Translate every line of the batch. Raises ProviderAnswerError when one cannot be had."""
        begun = written = self._find_written(batch)
        for pieces in (_together, _together, _alone):
            for piece in pieces(_list_wanted(batch, written)):
                for numbers in self._part_to_fit(batch, piece):
                    written = self._ask_once(batch, numbers, written)
        if missing := _list_missing(batch, written):
            raise ProviderAnswerError(
                f"{self._chat.provider} does not give {batch.name_lines(missing)} a translation "
                "that can be used, though it was asked again for these alone. Ask again, reword "
                "them in the transcript, or choose another model; what was paid for before is kept."
            )
        return _make_receipt(batch, begun, written)

    def _part_to_fit(self, batch: Batch, numbers: list[int]) -> list[list[int]]:
        """Part lines into as few questions as the model's context takes with their answers."""
        most = self._chat.context_tokens
        expected = ask_for(batch, numbers).estimate_usage(len(numbers)).tokens
        if most is None or expected <= _OF_CONTEXT * most or len(numbers) == 1:
            return [numbers]
        half = len(numbers) // 2
        return [
            *self._part_to_fit(batch, numbers[:half]),
            *self._part_to_fit(batch, numbers[half:]),
        ]

    def _reword_batch(self, batch: Batch) -> _Receipt:
        """Have the model say lines shorter; that it cannot is no reason to fail a dub."""
        begun = written = self._find_written(batch)
        if not written.answers:
            try:
                written = self._ask_once(batch, batch.numbers, written)
            except ProviderAnswerError as error:
                _log.warning("lines are not shortened", why=error.sentence)
                # Kept too: a model that will not do it is not paid for saying so at every run.
                written = self._keep(batch, _Written(answers=1))
        better = {n: text for n, text in written.texts.items() if _is_better(text, batch, n)}
        return _make_receipt(batch, begun, dataclasses.replace(written, texts=better))

    def _ask_once(self, batch: Batch, numbers: Sequence[int], known: _Written) -> _Written:
        """Ask once: what is known with one more answer, which is paid for, kept, and booked."""
        asked, what = ask_for(batch, numbers), batch.name_lines(numbers)
        call = PaidCall(
            video_id=batch.brief.video_id,
            language=batch.language,
            role=ROLE,
            engine=self.engine,
            key=self._key(batch),
            what=what,
            estimated_usd=self._price.usd(asked.estimate_usage(len(numbers))),
        )

        def ask_and_keep(bill: Bill) -> _Written:
            texts = self._chat.answer(
                what, asked, lambda said: read_usable(said, batch, numbers), self._price, bill
            )
            cost = known.cost_usd + bill.cost_usd
            return self._keep(batch, _Written({**known.texts, **texts}, known.answers + 1, cost))

        return self._paid.buy(call, ask_and_keep)

    def _find_written(self, batch: Batch) -> _Written:
        key = self._key(batch)
        kept = self._paid.find(_path(key), key, batch.brief.video_id)
        return _Written() if kept is None else _WRITTEN.validate_json(kept)

    def _keep(self, batch: Batch, written: _Written) -> _Written:
        self._store.put_bytes(_path(self._key(batch)), _WRITTEN.dump_json(written))
        return written

    def _key(self, batch: Batch) -> str:
        shape = {"engine": self.engine, "prompt": PROMPT_VERSION}
        return key_of({**shape, "material": material(batch, batch.numbers)})


def _make_batches(
    transcript: Transcript, language: str, brief: Brief, only: Collection[int] | None
) -> list[Batch]:
    """Return the transcript, or some lines of it, in batches, each with the lines that are said
    around it."""
    parted: list[Batch] = []
    for wanted, run in groupby(
        enumerate(transcript.lines), lambda each: only is None or each[1].id in only
    ):
        places, lines_of_run = zip(*run, strict=True)
        first = places[0]
        for lines in batches(lines_of_run) if wanted else ():
            last = first + len(lines)
            before = transcript.lines[max(0, first - NEIGHBOURS) : first]
            after = transcript.lines[last : last + NEIGHBOURS]
            parted.append(
                Batch("translate", transcript.language, language, brief, lines, before, after)
            )
            first = last
    return parted


def _batch_long_lines(
    transcript: Transcript, translation: Translation, brief: Brief
) -> list[Batch]:
    """Return the lines that are over their budgets, in batches, with their translations as
    drafts."""
    drafts = {
        line.id: line.text
        for line in translation.lines
        if line.id in brief.budgets and not fits(line.text, brief.budgets[line.id])
    }
    lines: list[Line] = [line for line in transcript.lines if line.id in drafts]
    return [
        Batch("shorten", transcript.language, translation.language, brief, some, drafts=drafts)
        for some in batches(lines)
    ]


def _together(numbers: list[int]) -> list[list[int]]:
    return [numbers] if numbers else []


def _alone(numbers: list[int]) -> list[list[int]]:
    """Part numbers one by one: nothing can be merged with a line that is asked for alone."""
    return [[number] for number in numbers] if len(numbers) <= MOST_ALONE else []


def _list_wanted(batch: Batch, written: _Written) -> list[int]:
    """Tell what to ask for next: missing lines, and once more those that do not heed the
    glossary."""
    missing = _list_missing(batch, written)
    # Once, because a model that knows better than the glossary would never be done.
    if written.answers != 1:
        return missing
    return sorted(
        {*missing, *(n for n, text in written.texts.items() if _count_missed(text, batch, n))}
    )


def _list_missing(batch: Batch, written: _Written) -> list[int]:
    return [number for number in batch.numbers if number not in written.texts]


def _count_missed(text: str, batch: Batch, number: int) -> int:
    """Tell how many terms of the glossary a translation of this line does not heed."""
    return len(batch.brief.glossary.find_missed(batch.line(number).text, text, batch.language))


def _is_better(text: str, batch: Batch, number: int) -> bool:
    """Whether a new wording is shorter than the draft, and heeds the glossary as much."""
    draft = batch.drafts[batch.line(number).id]
    heeds = _count_missed(text, batch, number) <= _count_missed(draft, batch, number)
    return heeds and len(text) < len(draft)


def _make_receipt(batch: Batch, begun: _Written, written: _Written) -> _Receipt:
    texts = {batch.line(number).id: text for number, text in written.texts.items()}
    return _Receipt(texts, written.cost_usd - begun.cost_usd)


def _path(key: str) -> str:
    return f"translations/{key[:2]}/{key}.json"
