"""Once per video and language: translated, spoken, mixed, published."""

import time
from dataclasses import replace
from functools import partial

from dagster import ResourceParam

from assets.step import summaries
from assets.step.declaration import dub_asset
from assets.step.metadata import draw_outline, lines_table
from assets.step.wording import Worded
from assets.step.workbench import Desk, Made
from dub_platform.core.languages import require_target
from dub_platform.core.service.metrics import LINES_SPOKEN
from dub_platform.core.speech import (
    Audio,
    Release,
    SourceMedia,
    Takes,
    Track,
    Transcript,
    Translation,
)
from dub_platform.core.style.wording import AS_BEFORE
from dub_platform.core.text.belief import refuse_misheard
from dub_platform.core.text.corrections import refuse_other_words
from dub_platform.core.text.edits import apply_edits, find_outdated
from dub_platform.core.timing.fitting import budgets_at
from resources.catalogue.media import keep_track
from resources.catalogue.publisher import FinishedDub, Original, Publisher
from resources.fitting.placing import place_takes
from resources.fitting.rewriter import SpokenScript
from resources.fitting.speaker import Speaker
from resources.fitting.speaking_rates import Paces
from resources.media.ffmpeg import outline
from resources.mixer.mixing import Mixing
from resources.translator.corrected import translate_corrected
from resources.translator.port import Translator
from resources.voice.recording import outline_takes


@dub_asset(kinds={"python"}, pool="translate", code_version="3")
def translation(
    desk: Desk,
    transcript: Transcript,
    translator: ResourceParam[Translator],
    paces: ResourceParam[Paces],
) -> Made[Translation]:
    """Every line in the target language, written to its slot; an edit is in place of what was
    written."""
    video, wording, language = desk.video(), desk.wording(), desk.language
    seconds = video.duration_seconds or transcript.end
    refuse_misheard(transcript, believed=video.believed)
    require_target(language, transcript.language, translator.targets, translator.engine)
    heeded = wording if translator.heeds_wording else AS_BEFORE
    rates = paces.rates(video.id, language, transcript.speakers)
    brief = heeded.brief(video.id, video.title, budgets_at(transcript.lines, rates))
    # All is read before it is paid for: a video that is removed meanwhile fails nothing here.
    edits, corrections = desk.edits(transcript), desk.corrections(transcript)
    before = desk.find(Translation, "translation")
    written = translate_corrected(translator, transcript, before, language, brief)
    value = replace(
        apply_edits(written, edits),
        wording=wording.in_language(language).key if translator.heeds_wording else None,
        old_edits=len(find_outdated(edits, corrections)),
        brief=brief,
    )
    worded = Worded(wording, translator.heeds_wording, transcript, value)
    return desk.output(
        value,
        # Who is said shorter once it is spoken is said so as this brief says.
        identity=[value.identity, brief.identity],
        shown=summaries.of_translation(worded, edits, rates, seconds),
        # Not before it is kept: who is told that the release says something else looks at it.
        after=partial(desk.registry.note_translation, video.id, language, value.basis.version),
    )


@dub_asset(kinds={"python"}, pool="speech", code_version="3")
def speech(
    desk: Desk, transcript: Transcript, translation: Translation, speaker: ResourceParam[Speaker]
) -> Made[Takes]:
    """One take per line, with the receipt. A line that was spoken before is not spoken again; one
    that does not fit is said shorter, once, and then faster by a voice that can."""
    video = desk.video()
    # Translations from before it was noted have none.
    brief = translation.brief or desk.wording().brief(video.id, video.title, {})
    script = SpokenScript(transcript, translation, brief, video.duration_seconds or transcript.end)
    spoken = speaker.speak(script, desk.copies, desk.say)
    value = spoken.value
    paid, reused = len(value.paid_takes), len(value.takes) - len(value.paid_takes)
    desk.count(LINES_SPOKEN.tally(paid, "paid"), LINES_SPOKEN.tally(reused, "reused"))
    said = spoken.at_rest.apply_rewrites(translation)
    picture = draw_outline(outline_takes(desk.copies.fetch_takes(value.takes)))
    return desk.output(
        value,
        identity=[take.key for take in value.takes],
        shown=summaries.of_speech(spoken, transcript, said, picture),
    )


@dub_asset(kinds={"ffmpeg", "numpy"}, code_version="2")
def dubbed_track(
    desk: Desk,
    audio: Audio,
    transcript: Transcript,
    translation: Translation,
    speech: Takes,
    mixing: ResourceParam[Mixing],
) -> Made[Track]:
    """The timeline and the mixed track: the dub over the bed, as long as the source."""
    said, bed_key = speech.apply_rewrites(translation), mixing.beds.bed_of(desk.video_id, audio)
    with desk.new_folder("mix") as folder:
        began = time.monotonic()
        takes = desk.copies.fetch_takes(speech.takes)
        timeline = place_takes(transcript, said, takes, audio)
        bed = desk.copies.fetch(bed_key)
        mixed = mixing.mixer.mix(bed, takes, timeline, audio.speech, into=folder)
        speed = audio.seconds / (time.monotonic() - began)
        prefix = f"videos/{desk.video_id}/dubs/{desk.language}/track"
        value = keep_track(desk.store, mixed, timeline, prefix, bed_key)
    # By it a release is known to be stale, or not to be of this translation.
    value = replace(value, basis=speech.basis)
    return desk.output(
        value,
        identity=value.sha256,
        shown=summaries.of_dubbed_track(value, transcript, said, times_real_time=speed),
    )


@dub_asset(kinds={"python"}, code_version="1")
def r2_object(
    desk: Desk,
    source_media: SourceMedia,
    transcript: Transcript,
    translation: Translation,
    speech: Takes,
    dubbed_track: Track,
) -> Made[Release]:
    """The release, which is what viewers get, in whichever store (DUB_STORE): track, captions,
    manifest, and the film of all languages."""
    publisher, said = Publisher(desk.store, desk.registry), speech.apply_rewrites(translation)
    # A dub that was removed is still in the film: only that is made anew.
    if desk.work is not None and desk.work.film_only:
        original = Original(desk.video_id, source_media, transcript.language)
        value = publisher.refilm(original, desk.language, desk.copies, desk.run_id)
    else:
        refuse_other_words(translation, dubbed_track)
        dub = FinishedDub(desk.video_id, source_media, transcript, said, speech, dubbed_track)
        value = publisher.publish(dub, desk.copies, desk.run_id)
    # Tracks from before their outline was noted have none.
    heard = dubbed_track.outline or outline(desk.copies.fetch(dubbed_track.key))
    table = lines_table(transcript, said, dubbed_track.timeline)
    return desk.output(
        value,
        identity=[value.sha256, value.manifest_key],
        shown=summaries.of_release(value, draw_outline(heard), table, desk.link(value.track_key)),
    )
