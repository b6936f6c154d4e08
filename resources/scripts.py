"""Scripts as they are by now: the values of the pipeline, the edits, and the release.

script = script_of(registry, store, "dQw4w9WgXcQ", "es")
script.line(3).text
"""

from __future__ import annotations

from dub_platform.core.script import Script, not_ready, written
from dub_platform.core.speech import Takes, Transcript, Translation
from dub_platform.registry import Registry
from resources.releases import placed_in
from resources.store.port import Store
from resources.values import value_in


def script_of(registry: Registry, store: Store, video_id: str, language: str) -> Script:
    """The script of a dub. Raises VideoNotFoundError, DubNotFoundError, LinesNotReadyError."""
    release = registry.dub(video_id, language).release
    # Before the values: who edits these lines is then refused where others have edited since.
    history = registry.edits(video_id, language)
    transcript = value_in(store, Transcript, "transcript", video_id)
    translation = value_in(store, Translation, "translation", video_id, language)
    if transcript is None or translation is None:
        raise not_ready(language)
    speech = value_in(store, Takes, "speech", video_id, language)
    said = speech.said(translation) if speech else translation
    released = placed_in(store.get_bytes(release.manifest_key)) if release else ()
    return written(transcript, said, history, released)
