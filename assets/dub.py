"""Once per video and language: translated, spoken, mixed, published."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from dagster import AssetExecutionContext, Output, ResourceParam

from assets.partitions import Target, target_of
from assets.step.declaration import Announced, dub_asset, made
from assets.step.metadata import Showcase, draw_outline, lines_table
from assets.step.tags import work_of
from assets.step.telemetry import counted
from assets.step.wording import Worded, wording_of
from dub_platform.core.belief import misheard
from dub_platform.core.brief import Brief
from dub_platform.core.corrections import as_first_read, retranslated, sourced
from dub_platform.core.edits import Edits, edited, in_force, outdated
from dub_platform.core.errors import ArtifactMissingError, SpokenLanguageError
from dub_platform.core.fitting import budgets_at, parts_of, predicted, steps, tempos_over
from dub_platform.core.glossary import Glossary
from dub_platform.core.keys import content_key, file_sha256
from dub_platform.core.languages import language
from dub_platform.core.metrics import LINES_SPOKEN
from dub_platform.core.pauses import find_phrase_ends
from dub_platform.core.speech import (
    Audio,
    Release,
    SourceMedia,
    Span,
    Take,
    Takes,
    Track,
    Transcript,
    Translation,
)
from dub_platform.core.timeline import Timeline, fitted
from dub_platform.core.wording import AS_BEFORE, Wording
from dub_platform.registry import Video, WorkQueue
from resources.catalogue.publisher import FinishedDub, Original, Publisher
from resources.fitting.pacing import Pacer
from resources.fitting.rewriter import Rewriter, SpokenScript
from resources.fitting.speaking_rates import Paces
from resources.media.ffmpeg import outline
from resources.mixer.port import Mixed, Mixer
from resources.separator.beds import BedKeeper
from resources.store.copies import Copies
from resources.store.port import Store
from resources.store.values import value_in
from resources.system.workfolder import WorkFolders
from resources.translator.port import Translator
from resources.voice.recording import find_rests, outline_takes
from resources.voice.takes import TakeKeeper


@dub_asset(kinds={"python"}, pool="translate", code_version="3")
def translation(
    context: AssetExecutionContext,
    transcript: Transcript,
    translator: ResourceParam[Translator],
    registry: ResourceParam[WorkQueue],
    paces: ResourceParam[Paces],
    store: ResourceParam[Store],
    showcase: ResourceParam[Showcase],
) -> Announced:
    """Every line in the target language, written to its slot; an edit is in place of what was
    written."""
    target = target_of(context)
    _refuse_misheard(transcript, registry.video(target.video_id))
    _refuse_unfit(transcript.language, str(target.language), translator)
    wording, heeded = wording_of(registry, target), translator.heeds_wording
    speakers = sorted({line.speaker for line in transcript.lines})
    rates = paces.rates(target.video_id, str(target.language), speakers)
    budgets = budgets_at(transcript.lines, rates)
    brief = _brief(registry, target, wording if heeded else AS_BEFORE, budgets)
    edits, seconds = _edits(registry, target, transcript), _seconds(registry, target, transcript)
    before = value_in(store, Translation, "translation", *target)
    written_at_first = _translated(translator, transcript, before, str(target.language), brief)
    value = replace(
        edited(written_at_first, edits),
        wording=wording.in_language(str(target.language)).key if heeded else None,
        old_edits=len(outdated(edits, _corrections(registry, target, transcript))),
        brief=brief,
    )
    worded = Worded(wording, heeded, transcript, value)
    spoken = sum(len(line.text) for line in transcript.lines)
    written = sum(len(line.text) for line in value.lines)
    output = made(
        value,
        # Who is said shorter once it is spoken is said so as this brief says.
        identity=[value.identity, brief.identity],
        **showcase.heading(target),
        table=lines_table(transcript, value, missed=worded.missed),
        lines=len(value.lines),
        edited_lines=len(edits.applied),
        edits_older_than_their_source=value.old_edits,
        edits_left_out=len(edits.left_out),
        characters=written,
        length_ratio=written / max(spoken, 1),
        rewrites=value.rewrites,
        characters_a_second=", ".join(f"{who}: {rate:.2f}" for who, rate in rates.items()),
        lines_predicted_over_1_15=_hurried(transcript, value, rates, seconds),
        **worded.numbers,
        engine=value.engine,
        cost_usd=value.cost_usd,
    )
    # Not before it is kept: who is told that the release says something else looks at it.
    return Announced(
        output,
        partial(registry.translated, target.video_id, str(target.language), value.basis.version),
    )


@dub_asset(kinds={"python"}, pool="speech", code_version="3")
def speech(
    context: AssetExecutionContext,
    transcript: Transcript,
    translation: Translation,
    takes: ResourceParam[TakeKeeper],
    copies: ResourceParam[Copies],
    registry: ResourceParam[WorkQueue],
    rewriter: ResourceParam[Rewriter],
    paces: ResourceParam[Paces],
    showcase: ResourceParam[Showcase],
) -> Output[Takes]:
    """One take per line, with the receipt. A line that was spoken before is not spoken again; one
    that does not fit is said shorter, once, and then faster by a voice that can."""
    target = target_of(context)
    script = _script(registry, target, transcript, translation)
    first = takes.takes_of(
        target.video_id,
        translation.lines,
        translation.language,
        script.speakers,
        copies,
        say=context.log.info,
    )
    basis = translation.basis
    engine = takes.voice.engine_for(translation.language)
    spoken_first = Takes(translation.language, engine, first, basis=basis)
    at_rest = rewriter.fitted(script, spoken_first, copies)
    said = at_rest.said(translation)
    paces.learn(target.video_id, transcript, said, at_rest)
    value = Pacer(takes).paced(script, at_rest, copies)
    spoken = value.takes
    paid = [take for take in spoken if not take.reused]
    counted(
        registry,
        LINES_SPOKEN.seen(len(paid), "paid"),
        LINES_SPOKEN.seen(len(spoken) - len(paid), "reused"),
    )
    return made(
        value,
        identity=[take.key for take in spoken],
        **showcase.heading(target),
        waveform=draw_outline(outline_takes(copies.fetch_takes(spoken))),
        table=lines_table(transcript, said),
        takes_paid=len(paid),
        takes_reused=len(spoken) - len(paid),
        characters=sum(take.characters for take in spoken),
        lines_over_1_15_first=len(script.hurried(first)),
        lines_paced=sum(take not in at_rest.takes for take in spoken),
        lines_rewritten=sum(each.text != each.instead_of for each in value.rewrites),
        engine=value.engine,
        cost_usd=value.cost_usd,
    )


@dub_asset(kinds={"ffmpeg", "numpy"}, code_version="2")
def dubbed_track(
    context: AssetExecutionContext,
    audio: Audio,
    transcript: Transcript,
    translation: Translation,
    speech: Takes,
    beds: ResourceParam[BedKeeper],
    mixer: ResourceParam[Mixer],
    store: ResourceParam[Store],
    copies: ResourceParam[Copies],
    folders: ResourceParam[WorkFolders],
    showcase: ResourceParam[Showcase],
) -> Output[Track]:
    """The timeline and the mixed track: the dub over the bed, as long as the source."""
    target = target_of(context)
    said, bed_key = speech.said(translation), beds.bed_of(target.video_id, audio)
    with folders.new("mix") as folder:
        began = time.monotonic()
        takes = copies.fetch_takes(speech.takes)
        timeline = _timeline(transcript, said, takes, audio)
        bed = copies.fetch(bed_key)
        mixed = mixer.mix(bed, takes, timeline, audio.speech, into=folder)
        speed = audio.seconds / (time.monotonic() - began)
        prefix = f"videos/{target.video_id}/dubs/{target.language}/track"
        value = replace(_track(mixed, timeline, prefix, bed_key), basis=speech.basis)
        store.put_file(value.key, mixed.path)
    return made(
        value,
        identity=value.sha256,
        **showcase.heading(target),
        waveform=draw_outline(value.outline),
        table=lines_table(transcript, said, timeline),
        onset_p95_ms=1000 * timeline.onset_p95,
        tempo_p95=timeline.tempo_p95,
        takes_in_parts=sum(bool(place.parts) for place in timeline.placements),
        **steps(timeline),
        too_long_seconds=sum(each.seconds for each in timeline.too_long()),
        lufs=value.lufs,
        true_peak_db=value.true_peak_db,
        times_real_time=speed,
        bed=bed_key,
    )


@dub_asset(kinds={"python"}, code_version="1")
def r2_object(
    context: AssetExecutionContext,
    source_media: SourceMedia,
    transcript: Transcript,
    translation: Translation,
    speech: Takes,
    dubbed_track: Track,
    publisher: ResourceParam[Publisher],
    store: ResourceParam[Store],
    copies: ResourceParam[Copies],
    showcase: ResourceParam[Showcase],
) -> Output[Release]:
    """The release, which is what viewers get, in whichever store (DUB_STORE): track, captions,
    manifest, and the film of all languages."""
    target, work = target_of(context), work_of(context.run.tags)
    said = speech.said(translation)
    if work is not None and work.film_only:
        original = Original(target.video_id, source_media, transcript.language)
        value = publisher.refilm(original, str(target.language), copies, context.run.run_id)
    else:
        _refuse_other_words(translation, dubbed_track)
        dub = FinishedDub(target.video_id, source_media, transcript, said, speech, dubbed_track)
        value = publisher.publish(dub, copies, context.run.run_id)
    return made(
        value,
        identity=[value.sha256, value.manifest_key],
        **showcase.heading(target),
        waveform=draw_outline(dubbed_track.outline or outline(copies.fetch(dubbed_track.key))),
        table=lines_table(transcript, said, dubbed_track.timeline),
        track=showcase.address(store, value.track_key),
        bytes=value.bytes,
        sha256=value.sha256,
        cost_usd=value.cost_usd,
    )


def _translated(
    translator: Translator,
    transcript: Transcript,
    before: Translation | None,
    wanted: str,
    brief: Brief,
) -> Translation:
    """The lines as they were translated at first, which is paid for, and alone those of which
    something else is said since."""
    at_first = as_first_read(transcript, before)
    value = translator.translate(at_first, wanted, brief)
    pairs = zip(transcript.lines, at_first.lines, strict=True)
    if anew := {line.id for line, read in pairs if line != read}:
        value = retranslated(value, translator.translate(transcript, wanted, brief, only=anew))
    return sourced(value, transcript, at_first)


def _refuse_other_words(translation: Translation, track: Track) -> None:
    """Raises ArtifactMissingError: captions and sound of a release must say the same."""
    # Tracks from before it was noted have no version.
    if track.basis.version not in ("", translation.basis.version):
        raise ArtifactMissingError(
            "This dub was translated anew since its track was mixed, so they do not say the same "
            "and nothing was released. Materialize speech and dubbed_track first, or ask for the "
            "dub again."
        )


def _refuse_misheard(transcript: Transcript, video: Video) -> None:
    """Raises MisheardError: a run that an operator starts comes past the gate."""
    error = misheard(transcript)
    if error is not None and not video.believed:
        raise error


def _refuse_unfit(spoken: str, wanted: str, translator: Translator) -> None:
    """Raises SpokenLanguageError: a request for `auto` is judged once the language is known."""
    targets = translator.targets(spoken)
    if wanted not in targets:
        why = "which is the language that this dub was asked for in"
        if wanted != spoken:
            why = f"which {translator.engine} does not translate into {language(wanted).name}"
        raise SpokenLanguageError(
            f"{language(spoken).name} ({spoken}) is spoken in this video, {why}, so nothing was "
            f"translated. It can be translated into: {', '.join(targets) or 'none'}."
        )


def _edits(registry: WorkQueue, target: Target, transcript: Transcript) -> Edits:
    return in_force(registry.edits(target.video_id, str(target.language)), transcript.as_heard)


def _corrections(registry: WorkQueue, target: Target, transcript: Transcript) -> Edits:
    return in_force(registry.edits(target.video_id, None), transcript.as_heard)


def _script(
    registry: WorkQueue, target: Target, transcript: Transcript, translation: Translation
) -> SpokenScript:
    brief = translation.brief or _brief(registry, target, wording_of(registry, target), {})
    return SpokenScript(transcript, translation, brief, _seconds(registry, target, transcript))


def _hurried(
    transcript: Transcript, translation: Translation, rates: Mapping[str, float], seconds: float
) -> int:
    """How many lines would need more than a comfortable tempo, as far as can be told unspoken."""
    texts = {line.id: line.text for line in translation.lines}
    lines = [line for line in transcript.lines if line.id in texts]
    return len(tempos_over(lines, predicted(lines, texts, rates), seconds=seconds))


def _seconds(registry: WorkQueue, target: Target, transcript: Transcript) -> float:
    end = max((line.end for line in transcript.lines), default=0.0)
    return registry.video(target.video_id).duration_seconds or end


def _brief(
    registry: WorkQueue, target: Target, wording: Wording, budgets: Mapping[int, int]
) -> Brief:
    return Brief(
        video_id=target.video_id,
        title=registry.video(target.video_id).title,
        formality=wording.formality or "neutral",
        glossary=wording.glossary or Glossary(),
        budgets=budgets,
    )


def _timeline(
    transcript: Transcript, said: Translation, takes: Sequence[tuple[Take, Path]], audio: Audio
) -> Timeline:
    lengths = {take.line_id: take.speech_seconds for take, _ in takes}
    parts = parts_of(
        transcript.lines, lengths, audio.cuts, _rests_at_pauses(transcript, said, takes)
    )
    return fitted(parts, seconds=audio.seconds)


def _rests_at_pauses(
    transcript: Transcript, said: Translation, takes: Sequence[tuple[Take, Path]]
) -> Mapping[int, Sequence[Span]]:
    """Where phrases end in the takes of lines that hold a pause."""
    pausing = {line.id for line in transcript.lines if line.pauses}
    texts = {line.id: line.text for line in said.lines}
    return {
        take.line_id: find_phrase_ends(
            texts[take.line_id], take.speech_seconds, find_rests(take, path)
        )
        for take, path in takes
        if take.line_id in pausing & texts.keys()
    }


def _track(mixed: Mixed, timeline: Timeline, prefix: str, bed_key: str) -> Track:
    sha256 = file_sha256(mixed.path)
    return Track(
        key=content_key(prefix, sha256, ".m4a"),
        sha256=sha256,
        bytes=mixed.path.stat().st_size,
        seconds=timeline.seconds + timeline.overrun,
        lufs=mixed.loudness.lufs,
        true_peak_db=mixed.loudness.true_peak_db,
        timeline=timeline,
        bed_key=bed_key,
        outline=tuple(outline(mixed.path)),
    )
