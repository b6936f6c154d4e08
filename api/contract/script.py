"""The lines of a dub as they are asked for and answered, field by field.

script_answer(services, target, script).lines[3].text
parsed(LineOrders, body).texts                       # {3: "Bon dia.", 4: None}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, Field, model_validator
from starlette.requests import Request
from typing_extensions import Self

from api.contract.responses import dub_url
from api.contract.schemas import Asked
from api.services import Services
from dub_platform.core.edits import LineEdit, checked_text
from dub_platform.core.errors import InvalidRequestError
from dub_platform.core.script import Placed, Script, ScriptLine

MAX_EDITS = 200

LineText = Annotated[str, AfterValidator(checked_text)]


class Dubbed(NamedTuple):
    """Whose lines they are."""

    video_id: str
    language: str


class LineOrder(Asked):
    """PUT /videos/{id}/dubs/{language}/lines/{number}."""

    text: LineText


class NumberedOrder(Asked):
    """One line of a PATCH; without a `text` it goes back to the translation, or in a video to what
    was heard."""

    number: Annotated[int, Field(ge=0)]
    text: LineText | None


class LineOrders(Asked):
    """PATCH /videos/{id}/dubs/{language}/lines, or /videos/{id}/lines: several edits, all or
    none."""

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
    """A line in the released track: what is said, from which second, and how fast.

    `onset_ms` is against the original, positive when late; `flagged` says that it was hard to fit.
    `take_url` is the sound of the line alone, before it was made to fit.
    """

    text: str
    start: float
    onset_ms: float
    tempo: float
    flagged: bool
    take_url: str


class LineAnswer(BaseModel):
    """One line. `source` was said from `start` to `end`, in seconds; `text` is what the dub says,
    or is about to, in place of it: the `translation`, unless somebody `edited` that: whoever has
    the key `edited_by`, and it said `previous` before. An edit is `stale` where what is said was
    corrected after it, until the line is edited again, if only with the same text. `released` is
    there once there is a release.
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
    released: PlacedAnswer | None = None
    url: str


class LeftOutAnswer(BaseModel):
    """An edit that is not spoken, because no line says its `source` at that time any more."""

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
    """One line of what is said: `text`, from `start` to `end`, in seconds, as it was `heard` with
    this `confidence` from 0 to 1, or as whoever has the key `corrected_by` has it. It was taken for
    `previous` before that; `doubt` is why the recogniser does not trust it."""

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
    """What is said in a video, line by line, and the corrections that are kept but not applied.

    `confidence` is how sure the `engine` is of a word on the average, and `least_confidence` how
    sure it has to be.
    """

    video_id: str
    language: str
    engine: str
    confidence: float
    least_confidence: float
    lines: list[SourceLineAnswer]
    not_applied: list[LeftOutAnswer]


def script_answer(services: Services, dub: Dubbed, script: Script) -> ScriptAnswer:
    """A whole script."""
    edits = [line.edit for line in script.lines if line.edit]
    names = names_of(services, [*edits, *script.left_out])
    return ScriptAnswer(
        video_id=dub.video_id,
        language=dub.language,
        lines=[_line_answer(services, dub, line, names) for line in script.lines],
        not_applied=[left_out_answer(edit, names) for edit in script.left_out],
    )


def line_answer(services: Services, dub: Dubbed, line: ScriptLine) -> LineAnswer:
    """One line of it."""
    return _line_answer(services, dub, line, names_of(services, [line.edit] if line.edit else []))


def author_of(request: Request) -> str | None:
    """The id of the key that a request was made with, where keys are asked for."""
    author: str | None = request.scope.get("state", {}).get("key_id")
    return author


def names_of(services: Services, edits: Iterable[LineEdit]) -> Mapping[str, str]:
    """What the keys of those who made these edits are called, where they have names."""
    authors = {edit.author for edit in edits if edit.author}
    return services.keys.names(services.tenant, authors) if services.keys and authors else {}


def _line_answer(
    services: Services, dub: Dubbed, script_line: ScriptLine, names: Mapping[str, str]
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
        released=script_line.placed and _placed(script_line.placed, url),
        url=url,
    )


def _placed(placed: Placed, url: str) -> PlacedAnswer:
    return PlacedAnswer(
        text=placed.text,
        start=placed.start,
        onset_ms=1000 * placed.onset_error,
        tempo=placed.tempo,
        flagged=placed.is_flagged,
        take_url=f"{url}/take",
    )


def left_out_answer(edit: LineEdit, names: Mapping[str, str]) -> LeftOutAnswer:
    """An edit that is kept, with what its key is called."""
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
    """What somebody is told who has read something else: of all lines those that are `changed`."""
    told: dict[str, Any] = json.loads(shown)
    if "lines" in told:
        told["lines"] = [line for line in told["lines"] if line[changed]]
    return told


def number_in(request: Request) -> int:
    """The number in the address; what cannot be a line's is the number of none."""
    given = request.path_params["number"]
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else -1
