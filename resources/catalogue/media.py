"""Media of a video in the store, each file under a name made of its content.

media = keep_original(store, video, fetched, facts)
kept = keep_sound(store, video.id, media, speech_finder, folder)
track = keep_track(store, mixed, timeline, prefix, bed_key)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dub_platform.core.keys import content_key, file_sha256
from dub_platform.core.speech import Audio, SourceMedia, Track
from dub_platform.core.timeline import Timeline
from dub_platform.registry import Video
from resources.downloader.port import Fetched
from resources.media.ffmpeg import outline
from resources.media.probe import MediaFacts
from resources.media.shots import shot_cuts
from resources.media.sound import decode_sound
from resources.media.vad import SileroSpeechFinder
from resources.mixer.port import Mixed
from resources.store.port import Store


@dataclass(frozen=True)
class KeptSound:
    """A video's sound in the store, and the file in the work folder that it was made from."""

    audio: Audio
    path: Path
    sha256: str


def keep_original(store: Store, video: Video, fetched: Fetched, facts: MediaFacts) -> SourceMedia:
    """Keep the original and the captions found beside it; an upload is there already."""
    sha256 = file_sha256(fetched.path)
    return SourceMedia(
        key=fetched.key or _keep(store, fetched.path, f"videos/{video.id}/source", sha256),
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
        captions_key=_keep_captions(store, video, fetched),
        pixel_format=facts.pixel_format,
        audio_stream=facts.audio_stream,
    )


def keep_sound(
    store: Store,
    video_id: str,
    media: SourceMedia,
    speech_finder: SileroSpeechFinder,
    folder: Path,
) -> KeptSound:
    """Decode the original's sound, look for voices and shots, and keep what is decoded.

    Raises MediaToolError.
    """
    source = store.fetch(media.key, folder)
    pictures = media.video_codec is not None
    sound = decode_sound(
        source, seconds=media.seconds, into=folder, pictures=pictures, stream=media.audio_stream
    )
    # The same decoding makes both, so one name serves both.
    sha256 = file_sha256(sound.sound)
    value = Audio(
        sound_key=_keep(store, sound.sound, f"videos/{video_id}/audio/sound", sha256),
        speech_key=_keep(store, sound.speech, f"videos/{video_id}/audio/speech", sha256),
        seconds=media.seconds,
        lufs=sound.loudness.lufs,
        speech=speech_finder.find(sound.speech),
        cuts=shot_cuts(source) if pictures else (),
    )
    return KeptSound(value, sound.sound, sha256)


def keep_track(store: Store, mixed: Mixed, timeline: Timeline, prefix: str, bed_key: str) -> Track:
    """Keep a mixed track, with what was measured on it."""
    sha256 = file_sha256(mixed.path)
    return Track(
        key=_keep(store, mixed.path, prefix, sha256),
        sha256=sha256,
        bytes=mixed.path.stat().st_size,
        seconds=timeline.seconds + timeline.overrun,
        lufs=mixed.loudness.lufs,
        true_peak_db=mixed.loudness.true_peak_db,
        timeline=timeline,
        bed_key=bed_key,
        outline=tuple(outline(mixed.path)),
    )


def _keep_captions(store: Store, video: Video, fetched: Fetched) -> str | None:
    if fetched.captions is None:
        return None
    sha256 = file_sha256(fetched.captions)
    return _keep(store, fetched.captions, f"videos/{video.id}/captions", sha256)


def _keep(store: Store, path: Path, prefix: str, sha256: str) -> str:
    key = content_key(prefix, sha256, path.suffix)
    store.put_file(key, path)
    return key
