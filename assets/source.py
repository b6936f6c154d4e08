"""Once per video: the original, its sound, and who says what when in it."""

import functools
from collections.abc import Mapping
from dataclasses import astuple, replace

from dagster import AssetExecutionContext, Output, ResourceParam

from assets.partitions import target_of
from assets.step.declaration import Announced, made, note_title, video_asset
from assets.step.metadata import Showcase, lines_table, mean, waveform
from dub_platform.core.belief import confidence_of, misheard
from dub_platform.core.edits import corrected, in_force
from dub_platform.core.errors import NoSpeechError
from dub_platform.core.keys import content_key, file_sha256, key_of
from dub_platform.core.languages import code_in
from dub_platform.core.lines import regrouped
from dub_platform.core.speech import Audio, SourceMedia, Transcript
from dub_platform.registry import Source, Video, WorkQueue
from resources.downloader.port import Downloader, Fetched
from resources.media.probe import Prober
from resources.media.shots import shot_cuts
from resources.media.sound import decode_sound
from resources.media.vad import SileroSpeechFinder
from resources.store.port import Store
from resources.store.values import value_in
from resources.system.workfolder import WorkFolders
from resources.transcriber.port import Transcriber, listen

# How lines are made of what is heard; what was heard before this counted up is listened to again.
LISTENS = "4"


@video_asset(kinds={"ffmpeg"}, pool="download", code_version="3")
def source_media(
    context: AssetExecutionContext,
    downloader: ResourceParam[Downloader],
    probe: ResourceParam[Prober],
    store: ResourceParam[Store],
    folders: ResourceParam[WorkFolders],
    registry: ResourceParam[WorkQueue],
    showcase: ResourceParam[Showcase],
) -> Output[SourceMedia]:
    """The original as fetched or uploaded, with its facts and the captions found beside it."""
    video = registry.video(context.partition_key)
    with folders.new("source") as folder:
        fetched = downloader.fetch(video, folder, context.log.info)
        # What is not hosted here is fetched without its pictures; an upload always has some.
        sound_alone = video.source is Source.YOUTUBE
        facts = probe(fetched.path, sound_alone=sound_alone, language=video.language)
        sha256 = file_sha256(fetched.path)
        video = _told(fetched, video.id, registry)
        media = SourceMedia(
            key=_kept(fetched, sha256, store, video.id),
            sha256=sha256,
            bytes=facts.bytes,
            seconds=facts.seconds,
            container=facts.container,
            video_codec=facts.video_codec,
            audio_codec=facts.audio_codec,
            width=facts.width,
            height=facts.height,
            title=fetched.title,
            language=video.language,
            captions_key=_captions_kept(fetched, store, video.id),
            pixel_format=facts.pixel_format,
            audio_stream=facts.audio_stream,
        )
        picture = waveform(fetched.path, facts.audio_stream)
    note_title(context, replace(video, title=video.title or fetched.title))
    return made(
        media,
        identity=[media.sha256, media.captions_key, media.language],
        **showcase.heading(target_of(context), media.title),
        waveform=picture,
        seconds=media.seconds,
        bytes=media.bytes,
        streams=_streams(media),
        language=media.language,
        channel=fetched.channel or "none",
    )


@video_asset(kinds={"ffmpeg", "silero"}, code_version="2")
def audio(
    context: AssetExecutionContext,
    source_media: SourceMedia,
    speech_finder: ResourceParam[SileroSpeechFinder],
    store: ResourceParam[Store],
    folders: ResourceParam[WorkFolders],
    showcase: ResourceParam[Showcase],
) -> Output[Audio]:
    """The source sound to listen to and mix from; where a voice is in it, and where shots end."""
    prefix = f"videos/{context.partition_key}/audio"
    with folders.new("audio") as folder:
        source = store.fetch(source_media.key, folder)
        pictures = source_media.video_codec is not None
        sound = decode_sound(
            source,
            seconds=source_media.seconds,
            into=folder,
            pictures=pictures,
            stream=source_media.audio_stream,
        )
        sha256 = file_sha256(sound.sound)
        sound_key = content_key(f"{prefix}/sound", sha256, ".flac")
        # The same decoding makes both, so one name serves both.
        speech_key = content_key(f"{prefix}/speech", sha256, ".wav")
        store.put_file(sound_key, sound.sound)
        store.put_file(speech_key, sound.speech)
        value = Audio(
            sound_key=sound_key,
            speech_key=speech_key,
            seconds=source_media.seconds,
            lufs=sound.loudness.lufs,
            speech=speech_finder.find(sound.speech),
            cuts=shot_cuts(source) if pictures else (),
        )
        picture = waveform(sound.sound)
    return made(
        value,
        identity=sha256,
        **showcase.heading(target_of(context), source_media.title),
        waveform=picture,
        seconds=value.seconds,
        lufs=value.lufs,
        speech_seconds=value.speech_seconds,
        cuts=len(value.cuts),
    )


@video_asset(kinds={"python"}, pool="transcribe", code_version=LISTENS)
def transcript(
    context: AssetExecutionContext,
    source_media: SourceMedia,
    audio: Audio,
    transcriber: ResourceParam[Transcriber],
    store: ResourceParam[Store],
    folders: ResourceParam[WorkFolders],
    registry: ResourceParam[WorkQueue],
    showcase: ResourceParam[Showcase],
) -> Announced:
    """Who says what when: what was heard, regrouped into the lines that are dubbed, and corrected
    where somebody did."""
    video = registry.video(context.partition_key)
    heard, cost_usd = _transcript(video, source_media, audio, transcriber, store, folders)
    # Read after the video: a correction that comes in between has this made once more.
    edits = in_force(registry.edits(video.id, None), heard.lines)
    value = replace(corrected(heard, edits), revision=video.revision)
    if not value.lines:
        raise NoSpeechError(
            "No speech was found in this video, so there is nothing to dub. If somebody does "
            "speak in it, hand it in again with captions."
        )
    output = made(
        value,
        identity=[
            [line.start, line.end, line.speaker, line.text, *map(astuple, line.pauses)]
            for line in value.lines
        ],
        **showcase.heading(target_of(context), source_media.title),
        table=lines_table(value),
        **_transcript_numbers(value, audio),
        corrected_lines=len(edits.applied),
        corrections_left_out=len(edits.left_out),
        engine=value.engine,
        cost_usd=cost_usd,
        why=value.why,
    )
    if misheard(value) is not None and not video.believed:
        # Its gate says why, and no dub begins.
        return Announced(output, lambda: None)
    is_prepared = functools.partial(
        registry.prepared,
        context.partition_key,
        run_id=context.run.run_id,
        title=source_media.title,
        language=value.language,
        duration_seconds=source_media.seconds,
        file_size_bytes=source_media.bytes,
    )
    # Not before the transcript is kept: a dub that starts at once could not read it.
    return Announced(output, is_prepared)


def _told(fetched: Fetched, video_id: str, registry: WorkQueue) -> Video:
    """The video as it is known once its source has said what it is."""
    return registry.fetched(
        video_id,
        language=code_in(fetched.language),
        channel_id=fetched.channel_id,
        channel_title=fetched.channel,
    )


def _streams(media: SourceMedia) -> str:
    pictures = f"{media.video_codec} {media.width}x{media.height}, " if media.video_codec else ""
    return pictures + media.audio_codec


def _kept(fetched: Fetched, sha256: str, store: Store, video_id: str) -> str:
    """The store's key of the original; an upload is there already."""
    if fetched.key is not None:
        return fetched.key
    key = content_key(f"videos/{video_id}/source", sha256, fetched.path.suffix)
    store.put_file(key, fetched.path)
    return key


def _captions_kept(fetched: Fetched, store: Store, video_id: str) -> str | None:
    if fetched.captions is None:
        return None
    sha256 = file_sha256(fetched.captions)
    key = content_key(f"videos/{video_id}/captions", sha256, fetched.captions.suffix)
    store.put_file(key, fetched.captions)
    return key


def _transcript(
    video: Video,
    media: SourceMedia,
    audio: Audio,
    transcriber: Transcriber,
    store: Store,
    folders: WorkFolders,
) -> tuple[Transcript, float]:
    """What is heard, as it was heard before where nothing changed, and what that cost now."""
    # Captions can be handed in later.
    captions_key = video.captions_key or media.captions_key
    made_of = key_of(
        [
            audio.speech_key,
            list(map(astuple, audio.speech)),
            media.language,
            captions_key,
            transcriber.engine,
            LISTENS,
        ]
    )
    before = value_in(store, Transcript, "transcript", video.id)
    if before is not None and before.made_of == made_of:
        return replace(before, lines=before.as_heard, heard=()), 0.0
    with folders.new("transcript") as folder:
        captions = store.fetch(captions_key, folder) if captions_key else None
        sound = store.fetch(audio.speech_key, folder)
        heard = listen(sound, audio.speech, media.language, captions, transcriber, video.id)
    made = Transcript(
        heard.language,
        heard.engine,
        regrouped(heard.segments, audio.speech),
        heard.why,
        heard.least_confidence,
        heard.other_language,
        made_of,
        captions_key,
    )
    return made, heard.cost_usd


def _transcript_numbers(transcript: Transcript, audio: Audio) -> Mapping[str, float | int]:
    words = sum(len(line.text.split()) for line in transcript.lines)
    return {
        "lines": len(transcript.lines),
        "words_per_minute": 60 * words / max(audio.speech_seconds, 1.0),
        "mean_confidence": mean([line.confidence for line in transcript.lines]),
        "confidence_of_words": confidence_of(transcript),
        "least_confidence": transcript.least_confidence,
    }
