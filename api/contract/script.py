"""The shapes of the lines of a dub or a video, in requests and answers.

script_answer(services, target, script).lines[3].text
parse(LineOrders, body).texts                       # {3: "Bon dia.", 4: None}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, Field, model_validator
from starlette.requests import Request
from typing_extensions import Self

from api.contract.responses import dub_url
from api.contract.schemas import RequestShape
from api.services import Services
from dub_platform.core.errors import InvalidRequestError
from dub_platform.core.text.edits import LineEdit, check_text
from dub_platform.core.text.script import Placed, Script, ScriptLine

if TYPE_CHECKING:
    from resources.fitting.drafts import Draft

MAX_EDITS = 200

LineText = Annotated[str, AfterValidator(check_text)]


class DubId(NamedTuple):
    """The dub that lines belong to."""

    video_id: str
    language: str


class LineOrder(RequestShape):
    """The body of PUT .../lines/{number}, of a dub or of a video."""

    text: LineText


class TakeOrder(RequestShape):
    """Body of POST /videos/{id}/dubs/{language}/lines/{number}/take.

    Without a `text`, the line's current text is spoken.
    """

    text: LineText | None = None


class TakeQuery(RequestShape):
    """Query of GET /videos/{id}/dubs/{language}/lines/{number}/take.

    With a `text` the recording of that draft is meant, without one that of the release.
    """

    text: LineText | None = None


class NumberedOrder(RequestShape):
    """One line of a PATCH.

    Without a `text` its edit is undone: it has the translation, or in a video the recognised text,
    again.
    """

    number: Annotated[int, Field(ge=0)]
    text: LineText | None


class LineOrders(RequestShape):
    """The body of PATCH .../lines, of a dub or of a video: several edits, either all or none."""

    lines: Annotated[list[NumberedOrder], Field(min_length=1, max_length=MAX_EDITS)]

    @property
    def texts(self) -> Mapping[int, str | None]:
        """The new text of each line, by its number."""
        return {line.number: line.text for line in self.lines}

    @model_validator(mode="after")
    def _each_line_once(self) -> Self:
        if len(self.texts) < len(self.lines):
            raise InvalidRequestError(
                "The request has two texts for the same line. Send each line once."
            )
        return self


class PlacedAnswer(BaseModel):
    """A line in the released track: its text, its start in seconds, and its tempo.

    `onset_ms` is the distance from the original's start, positive when late. `flagged` means that
    it was hard to fit. `take_url` is the recording of the line alone, before it was fitted.
    """

    text: str
    start: float
    onset_ms: float
    tempo: float
    flagged: bool
    take_url: str


class LineAnswer(BaseModel):
    """One line of a dub. `source` is the original text, spoken from `start` to `end` in seconds.

    `text` is what the dub says or is about to say: the `translation`, or the text that somebody
    `edited`; then `edited_by` is the id of that person's key, and `previous` the text before. An
    edit is `stale` if its source was corrected after it, until the line is edited again, if only
    with the same text. `released` is there once the dub has a release.

    A text of `budget_characters` can be said at a natural tempo in `room_seconds`, which are the
    line's own time and the silence after it that it may use. `confidence` is the recogniser's for
    the source, from 0 to 1, and `doubt` why it is not trusted. `missed` are the glossary's terms
    that the text lacks.
    """

    number: int
    speaker: str
    start: float
    end: float
    source: str
    translation: str
    text: str
    edited: bool
    edited_at: datetime | None = None
    edited_by: str | None = None
    edited_by_name: str | None = None
    previous: str | None = None
    stale: bool = False
    room_seconds: float
    budget_characters: int
    confidence: float
    doubt: str | None = None
    missed: list[str]
    released: PlacedAnswer | None = None
    url: str


class TakeAnswer(BaseModel):
    """A spoken draft of a line; its recording is at `url`.

    It takes `seconds` at a natural tempo, and the line has `room_seconds`. A release would play it
    at `tempo`, `onset_ms` after the original (negative: before it); it `fits` if that is no hurry.
    `cost_usd` was paid for it now, which a release with this text does not pay again. A `reused`
    take was spoken before.
    """

    number: int
    text: str
    seconds: float
    room_seconds: float
    tempo: float
    onset_ms: float
    fits: bool
    characters: int
    cost_usd: float
    reused: bool
    url: str


class LeftOutAnswer(BaseModel):
    """An edit that is not applied, because no line has its `source` at that time any more."""

    number: int
    start: float
    end: float
    source: str
    text: str | None
    edited_at: datetime
    edited_by: str | None = None
    edited_by_name: str | None = None


class ScriptAnswer(BaseModel):
    """All lines of a dub in order, and the edits that are kept but not applied."""

    video_id: str
    language: str
    lines: list[LineAnswer]
    not_applied: list[LeftOutAnswer]


class SourceLineAnswer(BaseModel):
    """One line of a video's speech: `text`, spoken from `start` to `end` in seconds.

    `heard` is the text as it was recognised, with a `confidence` from 0 to 1; `doubt` is why the
    recogniser does not trust it. `corrected_by` is the id of the key of the person who corrected
    it, and `previous` the text before that.
    """

    number: int
    speaker: str
    start: float
    end: float
    text: str
    heard: str
    confidence: float
    doubt: str | None = None
    corrected: bool
    corrected_at: datetime | None = None
    corrected_by: str | None = None
    corrected_by_name: str | None = None
    previous: str | None = None
    url: str


class SourceAnswer(BaseModel):
    """All lines of a video's speech, and the corrections that are kept but not applied.

    `confidence` is the mean over the words by the `engine`; it has to be `least_confidence` or
    more.
    """

    video_id: str
    language: str
    engine: str
    confidence: float
    least_confidence: float
    lines: list[SourceLineAnswer]
    not_applied: list[LeftOutAnswer]


def script_answer(services: Services, dub: DubId, script: Script) -> ScriptAnswer:
    """Convert a whole script of a dub."""
    edits = [line.edit for line in script.lines if line.edit]
    names = names_of(services, [*edits, *script.left_out])
    return ScriptAnswer(
        video_id=dub.video_id,
        language=dub.language,
        lines=[_line_answer(services, dub, line, names) for line in script.lines],
        not_applied=[left_out_answer(edit, names) for edit in script.left_out],
    )


def line_answer(services: Services, dub: DubId, line: ScriptLine) -> LineAnswer:
    """Convert one line of a dub."""
    return _line_answer(services, dub, line, names_of(services, [line.edit] if line.edit else []))


def take_answer(services: Services, dub: DubId, draft: Draft) -> TakeAnswer:
    """Return the answer for a draft that was spoken."""
    take, place = draft.take, draft.place
    url = f"{dub_url(services, *dub)}/lines/{take.line_id}/take"
    return TakeAnswer(
        number=take.line_id,
        text=draft.text,
        seconds=round(take.speech_seconds, 3),
        room_seconds=round(draft.room, 3),
        tempo=round(place.tempo, 3),
        onset_ms=round(1000 * place.onset_error, 1),
        fits=draft.fits,
        characters=len(draft.text),
        cost_usd=take.paid_usd,
        reused=take.reused,
        url=f"{url}?{urlencode({'text': draft.text})}",
    )


def author_of(request: Request) -> str | None:
    """Return the id of the key that the request was made with; None where no keys are asked for."""
    author: str | None = request.scope.get("state", {}).get("key_id")
    return author


def names_of(services: Services, edits: Iterable[LineEdit]) -> Mapping[str, str]:
    """Return the names of the keys that these edits were made with, by the ids of the keys."""
    authors = {edit.author for edit in edits if edit.author}
    return services.keys.names(services.tenant, authors) if services.keys and authors else {}


def _line_answer(
    services: Services, dub: DubId, script_line: ScriptLine, names: Mapping[str, str]
) -> LineAnswer:
    line, edit = script_line.line, script_line.edit
    url = f"{dub_url(services, *dub)}/lines/{line.id}"
    return LineAnswer(
        number=line.id,
        speaker=line.speaker,
        start=line.start,
        end=line.end,
        source=line.text,
        translation=script_line.translation,
        text=script_line.text,
        edited=edit is not None,
        edited_at=edit and edit.made_at,
        edited_by=edit and edit.author,
        edited_by_name=edit and names.get(edit.author or ""),
        previous=edit and script_line.previous,
        stale=script_line.is_old,
        room_seconds=round(script_line.room, 3),
        budget_characters=script_line.budget,
        confidence=line.confidence,
        doubt=line.doubt or None,
        missed=list(script_line.missed),
        released=script_line.placed and _placed_answer(script_line.placed, url),
        url=url,
    )


def _placed_answer(placed: Placed, url: str) -> PlacedAnswer:
    return PlacedAnswer(
        text=placed.text,
        start=placed.start,
        onset_ms=1000 * placed.onset_error,
        tempo=placed.tempo,
        flagged=placed.is_flagged,
        take_url=f"{url}/take",
    )


def left_out_answer(edit: LineEdit, names: Mapping[str, str]) -> LeftOutAnswer:
    """Convert an edit that is kept but not applied, with the name of its author's key."""
    return LeftOutAnswer(
        number=edit.number,
        start=edit.start,
        end=edit.end,
        source=edit.source,
        text=edit.text,
        edited_at=edit.made_at,
        edited_by=edit.author,
        edited_by_name=names.get(edit.author or ""),
    )


def current_of(shown: bytes, changed: str) -> Mapping[str, Any]:
    """Return what is there now, for a client whose write was refused: of all lines, those
    `changed`."""
    told: dict[str, Any] = json.loads(shown)
    if "lines" in told:
        told["lines"] = [line for line in told["lines"] if line[changed]]
    return told


def number_in(request: Request) -> int:
    """Return the line number in the address; -1 for a text that is no number of any line."""
    given = request.path_params["number"]
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else -1
