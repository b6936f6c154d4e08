"""Decodes the source's sound once, for mixing and for recognition.

sound = decode_sound(Path("clip.mp4"), seconds=31.5, into=folder)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg as graphs
import numpy as np
import soundfile

from dub_platform.core.mixing import RATE
from resources.media import ffmpeg

SPEECH_RATE = 16_000
BLOCK = 4096
# If the mono mix is so far below the stereo sound, one channel is the other one inverted.
CANCELED_DB = 30.0
FLAC = {"format": "flac", "codec": "flac", "sample_fmt": "s16", "frame_size": BLOCK}


@dataclass(frozen=True)
class DecodedSound:
    """`sound` is 48 kHz stereo FLAC, `speech` is 16 kHz mono WAV; both are as long as the video."""

    sound: Path
    speech: Path
    loudness: ffmpeg.Loudness


def decode_sound(
    source: Path, *, seconds: float, into: Path, pictures: bool = True, stream: int = 0
) -> DecodedSound:
    """Decode an audio stream of `source`, from the video's start to its end.

    A late start and an early end are filled with silence, so that times in the sound are times in
    the video; `pictures` tells whether the source has a video stream. If the channels cancel each
    other out, as with a microphone that is wired the wrong way round, `speech` is the left one.
    Raises MediaToolError.
    """
    sound, speech = into / "sound.flac", into / "speech.wav"
    video = ffmpeg.untrusted(source)
    outputs = _outputs(video[f"a:{stream}"], sound, speech, seconds)
    if pictures:
        # ffmpeg counts a transport stream's time from its first used stream: use the video too.
        outputs.append(video["v:0"].output("-", format="null", codec="copy"))
    said = ffmpeg.run(graphs.merge_outputs(*outputs))
    if not ffmpeg.measured_once(said):
        # The stream has changed its format, so what was written is too long: see `ffmpeg.changes`.
        kept = into / "steady.mkv"
        steady = ffmpeg.open_steady(source, stream, pictures=pictures, into=kept)
        said = ffmpeg.run(graphs.merge_outputs(*_outputs(steady, sound, speech, seconds)))
        kept.unlink()
    loudness = ffmpeg.parse_loudness(said)
    if _peak_db(speech) < loudness.true_peak_db - CANCELED_DB:
        left = graphs.input(str(sound))["a:0"].filter("pan", args="mono|c0=c0")
        ffmpeg.run(left.output(str(speech), format="wav", codec="pcm_s16le", ar=SPEECH_RATE))
    return DecodedSound(sound, speech, loudness)


def _outputs(source: Any, sound: Path, speech: Path, seconds: float) -> list[Any]:
    """Return the outputs that write both sounds and measure the loudness."""
    # async=1 with first_pts=0 fills a late start and gaps with silence instead of closing them.
    # rematrix_maxval keeps a loud 5.1 from clipping when its channels are added up. frame_size in
    # FLAC: an MP3 decodes to blocks of 47 samples, and FLAC in such blocks reads 30 times slower.
    heard = (
        source.filter(
            "aresample", sample_rate=RATE, **{"async": 1, "first_pts": 0}, rematrix_maxval=1
        )
        .filter("aformat", channel_layouts="stereo")
        .filter("apad", whole_dur=seconds)
        .filter("atrim", end=seconds)
        .filter_multi_output("asplit", outputs=3)
    )
    return [
        heard[0].output(str(sound), **FLAC, compression_level=2),
        heard[1].output(str(speech), format="wav", codec="pcm_s16le", ar=SPEECH_RATE, ac=1),
        ffmpeg.loudness_meter(heard[2]),
    ]


def _peak_db(path: Path) -> float:
    """Return the highest sample of a sound file, in dBFS."""
    with soundfile.SoundFile(path) as file:
        blocks = file.blocks(blocksize=SPEECH_RATE * 60, dtype="float32")
        peak = max((float(np.max(np.abs(block), initial=0.0)) for block in blocks), default=0.0)
    return float(20 * np.log10(max(peak, 1e-9)))
