"""Once per video: the original, its sound, and who says what when in it."""

from dataclasses import replace
from functools import partial

from dagster import ResourceParam

from assets.step import summaries
from assets.step.declaration import video_asset
from assets.step.metadata import waveform
from assets.step.workbench import Desk, Made
from dub_platform.core.speech import Audio, SourceMedia, Transcript
from dub_platform.core.text.belief import judge_hearing, require_speech
from dub_platform.core.text.edits import apply_corrections, in_force
from dub_platform.registry import Source
from resources.catalogue.media import keep_original, keep_sound
from resources.downloader.port import Downloader
from resources.media.probe import Prober
from resources.media.vad import SileroSpeechFinder
from resources.transcriber.port import Transcriber
from resources.transcriber.transcripts import LISTENS, hear_lines


@video_asset(kinds={"ffmpeg"}, pool="download", code_version="3")
def source_media(
    desk: Desk, downloader: ResourceParam[Downloader], probe: ResourceParam[Prober]
) -> Made[SourceMedia]:
    """The original as fetched or uploaded, with its facts and the captions found beside it."""
    video = desk.video()
    with desk.new_folder("source") as folder:
        fetched = downloader.fetch(video, folder, desk.say)
        # What is not hosted here is fetched without its pictures; an upload always has some.
        sound_alone = video.source is Source.YOUTUBE
        facts = probe(fetched.path, sound_alone=sound_alone, language=video.language)
        video = desk.note_source(fetched)
        value = keep_original(desk.store, video, fetched, facts)
        # In the block: the file goes with its folder.
        picture = waveform(fetched.path, facts.audio_stream)
    desk.name_run(replace(video, title=video.title or fetched.title))
    return desk.output(
        value,
        identity=[value.sha256, value.captions_key, value.language],
        title=value.title,
        shown=summaries.of_source_media(value, picture, fetched.channel),
    )


@video_asset(kinds={"ffmpeg", "silero"}, code_version="2")
def audio(
    desk: Desk, source_media: SourceMedia, speech_finder: ResourceParam[SileroSpeechFinder]
) -> Made[Audio]:
    """The source sound to listen to and mix from; where a voice is in it, and where shots end."""
    with desk.new_folder("audio") as folder:
        kept = keep_sound(desk.store, desk.video_id, source_media, speech_finder, folder)
        picture = waveform(kept.path)
    return desk.output(
        kept.audio,
        identity=kept.sha256,
        title=source_media.title,
        shown=summaries.of_audio(kept.audio, picture),
    )


@video_asset(kinds={"python"}, pool="transcribe", code_version=LISTENS)
def transcript(
    desk: Desk,
    source_media: SourceMedia,
    audio: Audio,
    transcriber: ResourceParam[Transcriber],
) -> Made[Transcript]:
    """Who says what when: what was heard, regrouped into the lines that are dubbed, and corrected
    where somebody did."""
    video, before = desk.video(), desk.find(Transcript, "transcript")
    heard, cost_usd = hear_lines(
        desk.store, desk.folders, transcriber, video, source_media, audio, before
    )
    # Read after the video: a correction that comes in between has this made once more.
    edits = in_force(desk.registry.edits(video.id, None), heard.lines)
    value = replace(apply_corrections(heard, edits), revision=video.revision)
    require_speech(value)
    is_held = judge_hearing(value) is not None and not video.believed
    return desk.output(
        value,
        identity=value.identity,
        title=source_media.title,
        shown=summaries.of_transcript(value, audio, edits, cost_usd),
        # Not before it is kept: a dub that starts at once could not read it. Where the gate holds
        # it, no dub starts.
        after=None if is_held else partial(desk.note_prepared, source_media, value.language),
    )
