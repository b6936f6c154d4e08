"""Captions that came with a video, read as if a transcriber had heard them.

    heard = read_captions(Path("video.srt"), "en")      # or AUTO, to be told
    fitted = fit_captions(heard, speech)              # no words where they do not belong to it

Nothing in a captions file is trusted: whatever it holds, the answer is a `Heard`, empty and
with the reason when there is nothing to use.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import langcodes
import numpy as np

from dub_platform.core.errors import MediaError
from dub_platform.core.languages import AUTO
from dub_platform.core.speech import Heard, Segment, Span
from dub_platform.core.text.words import spread
from dub_platform.core.timing.onsets import match_onsets
from resources.transcriber.cues import NotTextError, decode_text, read_cues
from resources.transcriber.text_language import text_languages

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 5_000_000
LEAST_COVERED = 0.6
LEAST_ON_SPEECH = 0.6
# Fewer words than this do not tell their language; more than a few hundred tell no more.
LEAST_WORDS = 12
_SAMPLE_WORDS = 200
LEAST_CERTAIN = 0.9
# By CLDR's measure: Croatian, Danish and Slovak are nearer than this to Bosnian, Norwegian, Czech.
_ANOTHER_LANGUAGE = 30
# In seconds. A cue shown half a second before its words is how captions are made.
LEAST_SHIFT = 0.8
MOST_SHIFT = 10.0
_STEP = 0.1
# How much more of the speech captions must cover when shifted, to be called shifted.
LEAST_GAIN = 0.1
# Rates of pictures that captions are made for, and films have.
_RATES = (23.976, 24.0, 25.0)
_FACTORS = tuple(a / b for a, b in itertools.permutations(_RATES, 2))
# A cue begins within this of where its speaker does, in seconds.
_NEAR = 0.5
# Fewer places where somebody begins to speak tell no rate. Of them, the share at which a cue must
# begin, and how much more it must be than without the factor.
_LEAST_ONSETS, _LEAST_NEAR, _LEAST_MORE = 10, 0.7, 0.3
# Cues that start within this of each other are one: two people in the same picture.
_TOGETHER = 0.1

# Every repetition has a limit, so that no text takes more than linear time. A remark may go over
# several rows.
_SOUND = re.compile(r"\[[^\[\]]{0,300}\]|^[ \t]*\([^()]{0,300}\)|[♪♫]", re.MULTILINE)
_SPEAKER = re.compile(
    r"^[ \t]*(?:[-\u2013\u2014]{1,3}|>{2,3})?[ \t]*"
    r"(?:(?:[A-Z][A-Z0-9 .'-]{1,30}|[Ss]peaker [0-9A-Z]{1,3}):)?[ \t]*",
    re.MULTILINE,
)


@dataclass(frozen=True)
class _Cue:
    start: float
    end: float
    words: tuple[str, ...]


def read_captions(path: Path, language: str) -> Heard:
    """Return the words of an .srt or .vtt file, each cue's time spread over its words by length.

    Without formatting, sounds such as [Music], and marks of who speaks. No words, and the
    reason in `why`, for a file that cannot be used. For AUTO, in the language they are written
    in, or still in AUTO if they do not tell.
    """
    try:
        cues = _set_apart(_parse_cues(_read_text(path)))
    except MediaError as error:
        return Heard(language, "captions", (), why=error.sentence)
    if language == AUTO:
        language = _tell_language([word for cue in cues for word in cue.words]) or AUTO
    segments = (Segment(tuple(spread(cue.words, Span(cue.start, cue.end)))) for cue in cues)
    return Heard(language, "captions", tuple(segments))


def fit_captions(heard: Heard, speech: Sequence[Span]) -> Heard:
    """Return the captions as they belong to this speech; no words where they do not, and `why`.

    Captions are used that are in the language that is spoken, cover most of it, lie on it with
    most of their own time, and would not cover more if they were shown earlier or later: captions
    of a translation, of another cut, or shifted ones, are not used. What is shown where nobody
    speaks, such as an advertisement, is left out. Captions that were made for another rate of
    pictures are brought to the film's.
    """
    try:
        _refuse_another_language(heard)
        factor = _find_factor(heard, speech)
        timed = _scale_times(heard, factor)
        spoken = _begin_with_voice(_drop_silent_cues(timed, speech), speech)
        covered = _measure_coverage(spoken, speech)
    except MediaError as error:
        return replace(heard, segments=(), why=error.sentence)
    why = f"The captions that came with the video cover {covered:.0%} of its speech."
    if factor != 1.0:
        why += (
            f" Their times were made for another rate of pictures and are taken {factor:.4f} times."
        )
    if left_out := len(timed.segments) - len(spoken.segments):
        why += f" Of their cues {left_out} are shown where nobody speaks and were left out."
    return replace(spoken, why=why)


def _refuse_another_language(heard: Heard) -> None:
    """Raise MediaError for captions in a language other than that of the video."""
    if not heard.segments:
        raise MediaError(heard.why or _say_unused("there are no words in them"))
    if other := _another_language(heard):
        raise MediaError(_say_unused(other))


def _measure_coverage(heard: Heard, speech: Sequence[Span]) -> float:
    """Return the share of the speech that the captions cover. Raises MediaError for what does not
    fit."""
    cues = _list_spans(heard)
    common, spoken, shown = _measure_overlap(cues, speech), _seconds(speech), _seconds(cues)
    if not cues or common < LEAST_COVERED * spoken:
        share = common / spoken if spoken else 0.0
        raise MediaError(_say_unused(f"they cover only {share:.0%} of the speech"))
    if common < LEAST_ON_SPEECH * shown:
        raise MediaError(_say_unused(f"only {common / shown:.0%} of their time lies on speech"))
    if abs(late := _seconds_late(cues, speech)) >= LEAST_SHIFT:
        way = "late" if late > 0 else "early"
        raise MediaError(_say_unused(f"they are about {abs(late):.1f} s {way}"))
    return common / spoken if spoken else 0.0


def _list_spans(heard: Heard) -> list[Span]:
    return [Span(segment.words[0].start, segment.words[-1].end) for segment in heard.segments]


def _drop_silent_cues(heard: Heard, speech: Sequence[Span]) -> Heard:
    """Drop the cues that are shown where nobody speaks, nor shortly before or after."""
    heard_at = [Span(max(0.0, span.start - _NEAR), span.end + _NEAR) for span in speech]
    kept = [
        segment
        for segment, cue in zip(heard.segments, _list_spans(heard), strict=True)
        if any(cue.start < span.end and span.start < cue.end for span in heard_at)
    ]
    return replace(heard, segments=tuple(kept))


def _begin_with_voice(heard: Heard, speech: Sequence[Span]) -> Heard:
    """Let cues begin where a voice does near them: people show them a little sooner."""
    told = {number: cue.start for number, cue in enumerate(_list_spans(heard))}
    begins = match_onsets(told, speech, within=_NEAR)
    segments: list[Segment] = []
    for number, segment in enumerate(heard.segments):
        over = segments[-1].words[-1].end if segments else 0.0
        start = begins.get(number, told[number])
        segments.append(segment if start < over else _begin_at(segment, start))
    return replace(heard, segments=tuple(segments))


def _begin_at(segment: Segment, start: float) -> Segment:
    """Move the words of a segment between another start and its end."""
    first, end = segment.words[0].start, segment.words[-1].end
    if not start < end or start == first:
        return segment
    share = (end - start) / (end - first)
    words = (
        replace(word, start=end - (end - word.start) * share, end=end - (end - word.end) * share)
        for word in segment.words
    )
    return replace(segment, words=tuple(words))


def _find_factor(heard: Heard, speech: Sequence[Span]) -> float:
    """Find by what the captions' times are to be multiplied for cues to begin where people do.

    1 unless another rate of pictures fits far better. That of captions that are late or early all
    the same fits no better.
    """
    onsets = np.array([span.start for span in speech])
    if len(onsets) < _LEAST_ONSETS:
        return 1.0
    starts = np.array([cue.start for cue in _list_spans(heard)])
    apart = {factor: _measure_distances(onsets, starts * factor) for factor in (1.0, *_FACTORS)}
    near = {factor: int(np.sum(np.abs(each) < _NEAR)) for factor, each in apart.items()}
    best = max(_FACTORS, key=lambda factor: (near[factor], -float(np.std(apart[factor]))))
    far_better = near[best] - near[1.0] >= _LEAST_MORE * len(onsets)
    return best if far_better and near[best] >= _LEAST_NEAR * len(onsets) else 1.0


def _measure_distances(
    onsets: NDArray[np.float64], starts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Tell how far from each onset the nearest of the cues begins, in seconds."""
    return np.array([starts[np.argmin(np.abs(starts - onset))] - onset for onset in onsets])


def _scale_times(heard: Heard, factor: float) -> Heard:
    if factor == 1.0:
        return heard
    return replace(
        heard,
        segments=tuple(
            replace(
                segment,
                words=tuple(
                    replace(word, start=word.start * factor, end=word.end * factor)
                    for word in segment.words
                ),
            )
            for segment in heard.segments
        ),
    )


def _say_unused(reason: str) -> str:
    return f"The captions that came with the video were not used, because {reason}."


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as source:
            data = source.read(LARGEST + 1)
    except OSError as error:
        raise MediaError(_say_unused("they cannot be read")) from error
    if len(data) > LARGEST:
        raise MediaError(_say_unused(f"they are larger than {LARGEST // 1_000_000} MB"))
    try:
        return decode_text(data)
    except NotTextError as error:
        raise MediaError(_say_unused(str(error))) from error


def _parse_cues(text: str) -> list[_Cue]:
    cues = [_Cue(max(0.0, cue.start), cue.end, _words(cue.rows)) for cue in read_cues(text)]
    return [cue for cue in cues if cue.words and cue.start < cue.end]


def _words(rows: Iterable[str]) -> tuple[str, ...]:
    shown = html.unescape("\n".join(rows))
    spoken = _SPEAKER.sub("", _SOUND.sub("", shown))
    return tuple(word for word in spoken.split() if any(map(str.isalnum, word)))


def _set_apart(cues: Iterable[_Cue]) -> list[_Cue]:
    """Put cues in order, each ending before the next starts."""
    apart: list[_Cue] = []
    for cue in sorted(cues, key=lambda cue: (cue.start, cue.end)):
        before = apart.pop() if apart else None
        if before is None:
            apart.append(cue)
        elif cue.start - before.start < _TOGETHER:
            end = max(before.end, cue.end)
            apart.append(_Cue(before.start, end, before.words + cue.words))
        else:
            apart += [replace(before, end=min(before.end, cue.start)), cue]
    return apart


def _another_language(heard: Heard) -> str:
    """Tell what is wrong with the captions' language, or nothing if nothing is."""
    if heard.language == AUTO:
        return "their language was not named and cannot be told"
    written = _tell_language([word.text for segment in heard.segments for word in segment.words])
    if written is None or _are_near(written, heard.language):
        return ""
    return f"they are in {_name(written)} and not in {_name(heard.language)}"


def _tell_language(words: Sequence[str]) -> str | None:
    """Return the code of the language that the words are written in, if they leave no doubt."""
    code, share = next(iter(text_languages(" ".join(words[:_SAMPLE_WORDS])).items()))
    return code if share >= LEAST_CERTAIN and len(words) >= LEAST_WORDS else None


def _name(code: str) -> str:
    return langcodes.Language.get(code).display_name("en")


def _are_near(code: str, other: str) -> bool:
    return langcodes.tag_distance(code, other) < _ANOTHER_LANGUAGE


def _seconds_late(cues: Sequence[Span], speech: Sequence[Span]) -> float:
    """Measure by how much the captions are late, early if negative; 0 if that is not plain.

    Speech and captions without pauses fit each other wherever they are put.
    """
    end = max(cues[-1].end, speech[-1].end if speech else 0.0) + MOST_SHIFT
    spoken, shown = (_fill(spans, end) for spans in (speech, cues))
    most = round(MOST_SHIFT / _STEP)
    fits = {late: _measure_fit(spoken, shown, late) for late in range(-most, most + 1)}
    if max(fits.values()) - fits[0] < LEAST_GAIN * int(np.sum(spoken)):
        return 0.0
    return max(fits, key=lambda late: (fits[late], -abs(late))) * _STEP


def _measure_fit(spoken: NDArray[np.bool_], shown: NDArray[np.bool_], late: int) -> int:
    """Return the steps of speech that are covered once the captions are moved back."""
    return int(np.sum(spoken & np.roll(shown, -late)))


def _fill(spans: Iterable[Span], seconds: float) -> NDArray[np.bool_]:
    """Whether there is something, for each step of time."""
    filled = np.zeros(round(seconds / _STEP) + 1, np.bool_)
    for span in spans:
        filled[round(span.start / _STEP) : round(span.end / _STEP)] = True
    return filled


def _seconds(spans: Iterable[Span]) -> float:
    return sum(span.seconds for span in spans)


def _measure_overlap(some: Sequence[Span], others: Sequence[Span]) -> float:
    """Return the seconds that both cover; each is ordered and without overlaps of its own."""
    common, here, there = 0.0, 0, 0
    while here < len(some) and there < len(others):
        one, other = some[here], others[there]
        common += max(0.0, min(one.end, other.end) - max(one.start, other.start))
        if one.end < other.end:
            here += 1
        else:
            there += 1
    return common
