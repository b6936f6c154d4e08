"""The gates: what must hold before the next paid step, and before anything is published.

They stand apart from the assets they judge, so that a failed gate blocks what comes after and
keeps what was made. The track's gates measure the encoded file, not what was said of it.
"""

import functools
import inspect
import itertools
from collections.abc import Callable
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetIn,
    asset_check,
)

from assets.dub import dubbed_track, speech, translation
from assets.partitions import dubs, videos
from assets.source import transcript
from assets.step.declaration import copy_signature, translate_errors
from assets.step.metadata import in_words
from assets.step.workbench import Desk, Workbench
from dub_platform.core import loudness
from dub_platform.core.errors import VideoNotFoundError
from dub_platform.core.service.metrics import GATE_RESULTS
from dub_platform.core.speech import Audio, Takes, Track, Transcript, Translation
from dub_platform.core.style.glossary import Glossary
from dub_platform.core.text.belief import confidence_of, judge_hearing
from resources.listening.original import Source
from resources.listening.report import Script, measure_release
from resources.listening.takes import Misspoken, TakeHearer
from resources.translator.fidelity import find_losses

SAME_LENGTH_SECONDS = 0.020
# Of more lines nobody reads the texts.
MOST_NAMED = 10
MISSPOKEN_CURE = (
    "The takes are kept, and not paid for again. Reword the lines with PUT "
    "/videos/ID/dubs/LANGUAGE/lines/NUMBER, or choose another voice; where they are right all the "
    "same, set DUB_HEAR_TAKES=tell and ask for the dub again."
)
LOSS_CURE = "Look at them, and reword what is wrong with PUT /videos/ID/dubs/LANGUAGE/lines/NUMBER."
Judgement = Callable[..., AssetCheckResult]


def gate(**options: Any) -> Callable[[Judgement], AssetChecksDefinition]:
    """Declare a check that blocks, if it is not said otherwise, whose results are counted, and
    which fails with the error's own sentence where it cannot judge."""

    def declare(judge: Judgement) -> AssetChecksDefinition:
        return asset_check(**{"blocking": True, **options})(_counting(judge))

    return declare


def _counting(judge: Judgement) -> Judgement:
    # Most gates judge values alone.
    wants_desk = "desk" in inspect.signature(judge).parameters

    @functools.wraps(judge)
    def counting(
        context: AssetCheckExecutionContext, bench: Workbench, **inputs: Any
    ) -> AssetCheckResult:
        desk = bench.at(context)
        with translate_errors():
            verdict = judge(desk, **inputs) if wants_desk else judge(**inputs)
        desk.count(GATE_RESULTS.tally(1, judge.__name__, _name_result(verdict)))
        return verdict

    return copy_signature(counting, judge, AssetCheckExecutionContext)


def _name_result(verdict: AssetCheckResult) -> str:
    if verdict.passed:
        return "passed"
    return "warned" if verdict.severity is AssetCheckSeverity.WARN else "failed"


@gate(
    asset=transcript,
    partitions_def=videos,
    description="Lines are in order, each with words.",
)
def transcript_is_in_order(transcript: Transcript) -> AssetCheckResult:
    wrong = [line.id for line in transcript.lines if not line.text.strip() or line.seconds <= 0]
    wrong += [b.id for a, b in itertools.pairwise(transcript.lines) if b.start < a.start]
    return _verdict(
        not wrong,
        f"Lines {wrong} are empty or out of order.",
        lines=len(transcript.lines),
        shortest_line_seconds=min((line.seconds for line in transcript.lines), default=0.0),
    )


@gate(
    asset=transcript,
    partitions_def=videos,
    description="The recogniser is as sure of its words as of speech that it understands.",
)
def transcript_is_believable(desk: Desk, transcript: Transcript) -> AssetCheckResult:
    error = judge_hearing(transcript)
    return _verdict(
        error is None or desk.video().believed,
        error.sentence if error else "",
        confidence=confidence_of(transcript),
        least_confidence=transcript.least_confidence,
    )


@gate(
    asset=translation,
    partitions_def=dubs,
    additional_ins={"transcript": AssetIn("transcript")},
    description="Every line is there once, in order, none empty; else no speech is paid for.",
)
def translation_covers_every_line(
    transcript: Transcript, translation: Translation
) -> AssetCheckResult:
    asked = [line.id for line in transcript.lines]
    answered = [line.id for line in translation.lines if line.text.strip()]
    return _verdict(
        asked == answered,
        f"{len(asked)} lines were to be translated, and {len(answered)} came back. "
        "Materialize translation again.",
        asked=len(asked),
        answered=len(answered),
    )


@gate(
    asset=translation,
    partitions_def=dubs,
    additional_ins={"transcript": AssetIn("transcript")},
    blocking=False,
    description="Each line is in the language of the dub, with its numbers and the words of the "
    "glossary; what is not is told, and stops nothing.",
)
def translation_loses_nothing(
    desk: Desk, transcript: Transcript, translation: Translation
) -> AssetCheckResult:
    try:
        glossary = desk.wording().glossary
    except VideoNotFoundError:
        # The next step ends the run of a video that is removed meanwhile.
        glossary = None
    losses = find_losses(transcript, translation, glossary or Glossary())
    return _verdict(
        not losses,
        f"{' '.join(each.sentence for each in losses[:MOST_NAMED])} {LOSS_CURE}",
        False,
        **({"lines_with_losses": len({each.line_id for each in losses})} if losses else {}),
    )


@gate(
    asset=speech,
    partitions_def=dubs,
    additional_ins={"translation": AssetIn("translation")},
    description="Every translated line has its take, which says it, where takes are heard again.",
)
def every_line_has_a_take(desk: Desk, translation: Translation, speech: Takes) -> AssetCheckResult:
    lines = {line.id for line in translation.lines}
    missing = sorted(lines - {take.line_id for take in speech.takes})
    numbers = {
        "takes": len(speech.takes),
        "speech_seconds": sum(take.speech_seconds for take in speech.takes),
    }
    if missing or desk.hearer is None or not desk.hearer.knows(desk.language):
        why_not = f"Lines {missing} were not spoken. Materialize speech again."
        return _verdict(not missing, why_not, **numbers)
    other = _find_misspoken(desk, desk.hearer, translation, speech)
    return _verdict(
        not other,
        f"{' '.join(each.sentence for each in other[:MOST_NAMED])} {MISSPOKEN_CURE}",
        desk.hearer.refuses,
        **numbers,
        **({"misspoken": len(other)} if other else {}),
    )


def _find_misspoken(
    desk: Desk, hearer: TakeHearer, translation: Translation, speech: Takes
) -> tuple[Misspoken, ...]:
    texts = {line.id: line.text for line in speech.apply_rewrites(translation).lines}
    with desk.lease(), desk.new_folder("check") as folder:
        takes = desk.copies.fetch_takes(speech.takes)
        return hearer.find_misspoken(takes, texts, desk.language, into=folder)


@gate(
    asset=dubbed_track,
    partitions_def=dubs,
    description="No two takes sound at once.",
)
def track_has_no_overlaps(dubbed_track: Track) -> AssetCheckResult:
    timeline = dubbed_track.timeline
    overlaps = timeline.overlaps()
    return _verdict(
        not overlaps,
        f"Takes of lines {list(overlaps)} sound at once.",
        tempo_p95=timeline.tempo_p95,
    )


@gate(
    asset=dubbed_track,
    partitions_def=dubs,
    additional_ins={"audio": AssetIn("audio")},
    description="The encoded track is as long as the source, to 20 ms.",
)
def track_is_as_long_as_source(desk: Desk, audio: Audio, dubbed_track: Track) -> AssetCheckResult:
    # A gate that measures a long track must not be taken for a run that died.
    with desk.lease():
        seconds = desk.copies.measure(dubbed_track.key).seconds
    named = dubbed_track.timeline.too_long()
    cuts = ", ".join(f"line {each.line_id} by {each.seconds:.1f} s" for each in named)
    late = [each.line_id for each in named]
    return _verdict(
        abs(seconds - audio.seconds) <= SAME_LENGTH_SECONDS,
        f"The track lasts {seconds:.3f} s and the video {audio.seconds:.3f} s"
        + (f": lines {late} do not fit before its end. Shorten {cuts}." if late else "."),
        track_seconds=seconds,
        video_seconds=audio.seconds,
        too_long_seconds=sum(each.seconds for each in named),
    )


@gate(
    asset=dubbed_track,
    partitions_def=dubs,
    description="The encoded track is at -16 LUFS (1 either way), true peak at most -1 dBTP.",
)
def track_loudness_is_on_target(desk: Desk, dubbed_track: Track) -> AssetCheckResult:
    with desk.lease():
        measured = desk.copies.measure(dubbed_track.key).loudness
    return _verdict(
        loudness.passes_gate(measured.lufs, measured.true_peak_db),
        f"The track is at {measured.lufs:.1f} LUFS with a true peak of "
        f"{measured.true_peak_db:.1f} dBTP; -16 and at most -1 were aimed at.",
        lufs=measured.lufs,
        true_peak_db=measured.true_peak_db,
    )


@gate(
    asset=dubbed_track,
    partitions_def=dubs,
    additional_ins={"audio": AssetIn("audio"), "speech": AssetIn("speech")},
    description="Every take is heard in the encoded track, whole, and no two at once.",
)
def track_says_every_take(
    desk: Desk, audio: Audio, speech: Takes, dubbed_track: Track
) -> AssetCheckResult:
    with desk.lease(), desk.new_folder("check") as folder:
        heard = measure_release(
            desk.copies.fetch(dubbed_track.key),
            into=folder,
            script=Script(dubbed_track.timeline, desk.copies.fetch_takes(speech.takes)),
            source=Source(desk.copies.fetch(audio.sound_key), audio.seconds, audio.speech),
        )
    return _verdict(
        not (heard.missing or heard.cut or heard.overlaps),
        f"In the track, lines {list(heard.missing)} are not heard, {list(heard.cut)} are cut, and "
        f"{list(heard.overlaps)} begin before the line before them has ended. "
        "Materialize dubbed_track again.",
        clicks=heard.clicks,
        **{name: value for name, value in heard.levels.items() if value is not None},
    )


def _verdict(
    passed: bool, why_not: str, stops: bool = True, /, **numbers: float
) -> AssetCheckResult:
    return AssetCheckResult(
        passed=passed,
        severity=AssetCheckSeverity.ERROR if stops else AssetCheckSeverity.WARN,
        description=None if passed else why_not,
        metadata={in_words(name): number for name, number in numbers.items()},
    )


gates = [
    transcript_is_in_order,
    transcript_is_believable,
    translation_covers_every_line,
    translation_loses_nothing,
    every_line_has_a_take,
    track_has_no_overlaps,
    track_is_as_long_as_source,
    track_loudness_is_on_target,
    track_says_every_take,
]
