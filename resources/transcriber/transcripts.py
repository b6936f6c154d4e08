"""Transcripts: what is heard in a video's sound, in lines, and found again where nothing changed.

transcript, cost_usd = hear_lines(store, folders, transcriber, video, media, audio, before)
"""

from __future__ import annotations

from dataclasses import astuple, replace

from dub_platform.core.keys import key_of
from dub_platform.core.speech import Audio, SourceMedia, Transcript
from dub_platform.core.text.lines import regroup
from dub_platform.registry import Video
from resources.store.port import Store
from resources.system.workfolder import WorkFolders
from resources.transcriber.port import Transcriber, listen

# How lines are made of what is heard; what was heard before this counted up is listened to again.
LISTENS = "4"


def hear_lines(
    store: Store,
    folders: WorkFolders,
    transcriber: Transcriber,
    video: Video,
    media: SourceMedia,
    audio: Audio,
    before: Transcript | None,
) -> tuple[Transcript, float]:
    """Tell what is heard, as it was heard `before` where nothing changed, and what that cost now.

    Captions that were handed in are believed before those that were found beside the original.
    """
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
    if before is not None and before.made_of == made_of:
        return replace(before, lines=before.as_heard, heard=()), 0.0
    with folders.new("transcript") as folder:
        captions = store.fetch(captions_key, folder) if captions_key else None
        sound = store.fetch(audio.speech_key, folder)
        heard = listen(sound, audio.speech, media.language, captions, transcriber, video.id)
    transcript = Transcript(
        heard.language,
        heard.engine,
        regroup(heard.segments, audio.speech),
        heard.why,
        heard.least_confidence,
        heard.other_language,
        made_of,
        captions_key,
    )
    return transcript, heard.cost_usd
