"""The lines of dubs and videos as they are now: pipeline values, edits, and the release together.

script = script_of(registry, store, "dQw4w9WgXcQ", "es")
script.line(3).text
said_in(registry, store, "dQw4w9WgXcQ").line(3).line.text
"""

from __future__ import annotations

from collections.abc import Sequence

from dub_platform.core.errors import LinesNotReadyError
from dub_platform.core.speech import Line, Take, Takes, Transcript, Translation
from dub_platform.core.text.corrections import find_changed
from dub_platform.core.text.edits import apply_corrections, in_force
from dub_platform.core.text.script import Said, Script, make_script, make_source_script, not_ready
from dub_platform.registry import Catalogue, Stale
from resources.catalogue.releases import placed_in
from resources.store.port import Store
from resources.store.values import value_in


def script_of(registry: Catalogue, store: Store, video_id: str, language: str) -> Script:
    """Return the script of a dub.

    Raises VideoNotFoundError, DubNotFoundError, LinesNotReadyError.
    """
    release = registry.dub(video_id, language).release
    # Read the edits before the values: a client that edits these lines is then refused if others
    # have edited since.
    history = registry.edits(video_id, language)
    corrections = registry.edits(video_id, None)
    transcript = value_in(store, Transcript, "transcript", video_id)
    translation = value_in(store, Translation, "translation", video_id, language)
    if transcript is None or translation is None:
        raise not_ready(language)
    speech = value_in(store, Takes, "speech", video_id, language)
    spoken = speech.apply_rewrites(translation) if speech else translation
    released = placed_in(store.get_bytes(release.manifest_key)) if release else ()
    now = apply_corrections(transcript, in_force(corrections, transcript.as_heard))
    return make_script(now, spoken, history, released, corrections)


def released_take(
    registry: Catalogue, store: Store, video_id: str, language: str, number: int
) -> Take:
    """The take of a line that is in the release. Raises as `script_of` does, LineNotFoundError,
    and LinesNotReadyError while the line is released in other words than it was spoken in last."""
    placed = script_of(registry, store, video_id, language).line(number).placed
    release = registry.dub(video_id, language).release
    translation = value_in(store, Translation, "translation", video_id, language)
    speech = value_in(store, Takes, "speech", video_id, language)
    if placed and release and translation and speech:
        texts = {line.id: line.text for line in speech.apply_rewrites(translation).lines}
        is_its_own = bool(release.version) and release.version == speech.basis.version
        is_known = speech.basis.version in ("", translation.basis.version)
        says_the_same = is_known and texts.get(number) == placed.text
        for take in speech.takes:
            if take.line_id == number and (is_its_own or says_the_same):
                return take
    raise LinesNotReadyError(
        f"Line {number} cannot be heard by itself: it is not released yet, or is spoken in other "
        "words for the release to come. Try again once the dub is released."
    )


def said_in(registry: Catalogue, store: Store, video_id: str) -> Said:
    """Return the lines spoken in a video. Raises VideoNotFoundError, LinesNotReadyError."""
    registry.video(video_id)
    # The edits before the value, for the same reason as in `script_of`.
    history = registry.edits(video_id, None)
    transcript = value_in(store, Transcript, "transcript", video_id)
    if transcript is None:
        raise LinesNotReadyError(
            "Nobody has listened to this video yet, so there are no lines to show. Try again once "
            "its stage is past `transcript`; if it failed before, ask for it again."
        )
    return make_source_script(transcript, history)


def unpaid(
    registry: Catalogue, store: Store, video_id: str, language: str
) -> Sequence[Line] | None:
    """Return the lines of a dub that must be paid for: their text is new since they were made.

    None if that is unknown before other captions are read, or if all lines are translated anew.
    """
    now = said_in(registry, store, video_id).transcript
    whole = registry.whole(video_id)
    video, its = whole.video, [dub for dub in whole.dubs if dub.language == language]
    stale = {why for dub in its for why in video.stale(dub)}
    has_other_captions = video.captions_key not in (None, now.captions_key)
    if has_other_captions or Stale.WORDING in stale:
        return None
    new = find_changed(now, value_in(store, Translation, "translation", video_id, language))
    unspoken = (
        _unspoken(registry, store, video_id, language) if Stale.TRANSLATION in stale else set()
    )
    return [line for line in now.lines if line in new or line.id in unspoken]


def _unspoken(registry: Catalogue, store: Store, video_id: str, language: str) -> set[int]:
    """Return the ids of lines whose present text is not in the release."""
    script = script_of(registry, store, video_id, language)
    return {
        each.line.id
        for each in script.lines
        if each.placed is None or each.placed.text != each.text
    }
