"""The source's sound, decoded once: what is mixed from and what is listened to.

sound = decoded(Path("clip.mp4"), seconds=31.5, into=folder)
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
# How far below the sound its two channels together are where one is the other upside down.
CANCELED_DB = 30.0
FLAC = {"format": "flac", "codec": "flac", "sample_fmt": "s16", "frame_size": BLOCK}


@dataclass(frozen=True)
class DecodedSound:
    """`sound` is 48 kHz stereo FLAC, `speech` 16 kHz mono WAV; both as long as the video."""

    sound: Path
    speech: Path
    loudness: ffmpeg.Loudness


def decoded(
    source: Path, *, seconds: float, into: Path, pictures: bool = True, stream: int = 0
) -> DecodedSound:
    """Decode an audio stream of `source`, from the video's start to its end.

    A stream that begins late or ends early is filled with silence, so that a time in the sound
    is the same time in the video; `pictures` says whether it has any. Where the channels cancel
    each other out, as with a microphone that is wired the wrong way round, the left one is what
    is listened to.
    Raises MediaToolError.
    """
    sound, speech = into / "sound.flac", into / "speech.wav"
    video = ffmpeg.untrusted(source)
    outputs = _outputs(video[f"a:{stream}"], sound, speech, seconds)
    if pictures:
        # A transport stream's time begins with the first stream that is used: pictures too.
        outputs.append(video["v:0"].output("-", format="null", codec="copy"))
    said = ffmpeg.run(graphs.merge_outputs(*outputs))
    if not ffmpeg.measured_once(said):
        # What was written is too long: see `ffmpeg.changes`.
        kept = into / "steady.mkv"
        steady = ffmpeg.open_steady(source, stream, pictures=pictures, into=kept)
        said = ffmpeg.run(graphs.merge_outputs(*_outputs(steady, sound, speech, seconds)))
        kept.unlink()
    loudness = ffmpeg.parsed_loudness(said)
    if _peak_db(speech) < loudness.true_peak_db - CANCELED_DB:
        left = graphs.input(str(sound))["a:0"].filter("pan", args="mono|c0=c0")
        ffmpeg.run(left.output(str(speech), format="wav", codec="pcm_s16le", ar=SPEECH_RATE))
    return DecodedSound(sound, speech, loudness)


def _outputs(source: Any, sound: Path, speech: Path, seconds: float) -> list[Any]:
    """Graphs that write both sounds and measure how loud the video is."""
    # async=1 with first_pts=0 fills a late start and gaps in the stream instead of closing them;
    # rematrix_maxval keeps a loud 5.1 from clipping when its channels are added up. An MP3 comes in
    # pieces of 47 samples, and FLAC that is made of such pieces takes 30 times as long to read.
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
    """The highest sample of a sound file, in dB below full scale."""
    with soundfile.SoundFile(path) as file:
        blocks = file.blocks(blocksize=SPEECH_RATE * 60, dtype="float32")
        peak = max((float(np.max(np.abs(block), initial=0.0)) for block in blocks), default=0.0)
    return float(20 * np.log10(max(peak, 1e-9)))
