"""What Dagster shows of each asset's value, in this order: a picture, its lines, its numbers.

    desk.output(value, identity=value.sha256, shown=summaries.of_audio(value, picture))

Names become words where they are shown: `step/metadata.py`.
"""

from collections.abc import Mapping
from typing import Any

from dagster import MetadataValue

from assets.step.metadata import draw_outline, lines_table, mean
from assets.step.wording import Worded
from dub_platform.core.speech import (
    Audio,
    Release,
    SourceMedia,
    Takes,
    Track,
    Transcript,
    Translation,
)
from dub_platform.core.text.belief import confidence_of
from dub_platform.core.text.edits import Edits
from dub_platform.core.timing.fitting import count_hurried, steps
from resources.fitting.speaker import Spoken

Summary = dict[str, Any]


def of_source_media(media: SourceMedia, picture: MetadataValue, channel: str) -> Summary:
    """Show the original's length, size and streams."""
    pictures = f"{media.video_codec} {media.width}x{media.height}, " if media.video_codec else ""
    return {
        "waveform": picture,
        "seconds": media.seconds,
        "bytes": media.bytes,
        "streams": pictures + media.audio_codec,
        "language": media.language,
        "channel": channel or "none",
    }


def of_audio(audio: Audio, picture: MetadataValue) -> Summary:
    """Show how long and loud the sound is, and how much of it is speech."""
    return {
        "waveform": picture,
        "seconds": audio.seconds,
        "lufs": audio.lufs,
        "speech_seconds": audio.speech_seconds,
        "cuts": len(audio.cuts),
    }


def of_transcript(transcript: Transcript, audio: Audio, edits: Edits, cost_usd: float) -> Summary:
    """Show the lines, how sure the recogniser is of them, and what was corrected."""
    words = sum(len(line.text.split()) for line in transcript.lines)
    return {
        "table": lines_table(transcript),
        "lines": len(transcript.lines),
        "words_per_minute": 60 * words / max(audio.speech_seconds, 1.0),
        "mean_confidence": mean([line.confidence for line in transcript.lines]),
        "confidence_of_words": confidence_of(transcript),
        "least_confidence": transcript.least_confidence,
        "corrected_lines": len(edits.applied),
        "corrections_left_out": len(edits.left_out),
        "engine": transcript.engine,
        "cost_usd": cost_usd,
        "why": transcript.why,
    }


def of_translation(
    worded: Worded, edits: Edits, rates: Mapping[str, float], seconds: float
) -> Summary:
    """Show the lines beside the original's, how much longer they are, and what was edited.

    `rates` are characters a second by speaker, `seconds` is how long the video is.
    """
    transcript, value = worded.transcript, worded.translation
    spoken = sum(len(line.text) for line in transcript.lines)
    written = sum(len(line.text) for line in value.lines)
    return {
        "table": lines_table(transcript, value, missed=worded.missed_terms),
        "lines": len(value.lines),
        "edited_lines": len(edits.applied),
        "edits_older_than_their_source": value.old_edits,
        "edits_left_out": len(edits.left_out),
        "characters": written,
        "length_ratio": written / max(spoken, 1),
        "rewrites": value.rewrites,
        "characters_a_second": ", ".join(f"{who}: {rate:.2f}" for who, rate in rates.items()),
        "lines_predicted_over_1_15": count_hurried(transcript, value, rates, seconds=seconds),
        **worded.numbers,
        "engine": value.engine,
        "cost_usd": value.cost_usd,
    }


def of_speech(
    spoken: Spoken, transcript: Transcript, said: Translation, picture: MetadataValue
) -> Summary:
    """Show what was spoken and paid for, and what did not fit at first."""
    value: Takes = spoken.value
    return {
        "waveform": picture,
        "table": lines_table(transcript, said),
        "takes_paid": len(value.paid_takes),
        "takes_reused": len(value.takes) - len(value.paid_takes),
        "characters": sum(take.characters for take in value.takes),
        "lines_over_1_15_first": spoken.hurried_first,
        "lines_paced": sum(take not in spoken.at_rest.takes for take in value.takes),
        "lines_rewritten": sum(each.text != each.instead_of for each in value.rewrites),
        "engine": value.engine,
        "cost_usd": value.cost_usd,
    }


def of_dubbed_track(
    track: Track, transcript: Transcript, said: Translation, *, times_real_time: float
) -> Summary:
    """Show where lines begin, how fast they are, and what was measured on the encoded file."""
    timeline = track.timeline
    return {
        "waveform": draw_outline(track.outline),
        "table": lines_table(transcript, said, timeline),
        "onset_p95_ms": 1000 * timeline.onset_p95,
        "tempo_p95": timeline.tempo_p95,
        "takes_in_parts": sum(bool(place.parts) for place in timeline.placements),
        **steps(timeline),
        "too_long_seconds": sum(each.seconds for each in timeline.too_long()),
        "lufs": track.lufs,
        "true_peak_db": track.true_peak_db,
        "times_real_time": times_real_time,
        "bed": track.bed_key,
    }


def of_release(
    release: Release, picture: MetadataValue, table: MetadataValue, link: MetadataValue
) -> Summary:
    """Show the released lines as they are placed, where to hear them, and what was paid for all."""
    return {
        "waveform": picture,
        "table": table,
        "track": link,
        "bytes": release.bytes,
        "sha256": release.sha256,
        "cost_usd": release.cost_usd,
    }
