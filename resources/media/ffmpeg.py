"""Finds and runs ffmpeg: graphs are built with ffmpeg-python and run here.

    run(open_audio(path).output("out.wav", format="wav", codec="pcm_s16le"))
    measure(Path("track.m4a")).loudness

The binary is the one in the imageio-ffmpeg wheel, whatever is on PATH, unless `choose` named
another. Input files are hostile until decoded: demuxers, decoders and protocols are listed, and
every run has limits and a deadline. Graphs use only features that `features.py` lists.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import resource
import signal
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ffmpeg
import numpy as np

from dub_platform.core.errors import DubError, EngineUnavailableError, MediaToolError
from resources.media.demuxers import DEMUXERS
from resources.media.features import require_listed
from resources.media.limits import (
    DECODERS,
    MOST_CPU_SECONDS,
    MOST_FILE_BYTES,
    MOST_MEMORY_BYTES,
    MOST_PIXELS,
)
from resources.system.disk import full_disk, says_full
from resources.system.programs import Limits, tie_to_parent

if TYPE_CHECKING:
    from numpy.typing import NDArray

# CPU time has a limit of its own; this is for a process that hangs.
DEADLINE_SECONDS = 24 * 3600
COUNTING_RATE = STEADY_RATE = 48_000
# The columns and the height of an outline: as fine as the picture that Dagster shows
# (`assets/step/metadata.py`).
PLACES, MOST_LOUD = 90, 10
_DOTS = 200
_LISTS = {
    "format_whitelist": ",".join(DEMUXERS),
    "protocol_whitelist": "file",
    "codec_whitelist": ",".join(DECODERS),
}
_QUIET = ("-hide_banner", "-nostdin", "-nostats", "-y")


# How lines begin that follow the one with the reason; they say only that it failed.
_TELLS_NOTHING = (
    "Conversion failed!",
    "frame=",
    "size=",
    "Error while opening encoder",
    "Error opening output file",
    "Error initializing output stream",
    "Error sending frames to consumers",
    "Task finished with error code",
    "Terminating thread with return code",
    "Nothing was written into output file",
    "Could not open encoder before EOF",
)
# The name of ffmpeg's component before a message, with its address in memory.
_SPEAKER = re.compile(r"^(?:\[[^\]]{1,80}\] )+")


@dataclass(frozen=True)
class Loudness:
    """EBU R128: integrated loudness in LUFS (-70 means silence) and true peak in dBTP."""

    lufs: float
    true_peak_db: float


@dataclass(frozen=True)
class Measured:
    """The measured length and loudness of a sound file."""

    seconds: float
    loudness: Loudness


@dataclass
class _Choice:
    program: Path | None = None


_choice = _Choice()


def choose(program: Path) -> None:
    """Use this ffmpeg for everything in this process from now on."""
    _choice.program = program


def binary() -> str:
    """Return the ffmpeg to run: the chosen one, else the wheel's. Raises EngineUnavailableError."""
    return str(_choice.program or find_in_wheel())


def find_in_wheel() -> Path:
    """Return the ffmpeg of the imageio-ffmpeg wheel. Raises EngineUnavailableError if it has none.

    The package's own function is not used: it prefers an environment variable, and falls back to
    PATH.
    """
    programs = [
        Path(str(each))
        for each in files("imageio_ffmpeg.binaries").iterdir()
        if each.name.startswith("ffmpeg-")
    ]
    if not programs:
        raise EngineUnavailableError(
            "There is no ffmpeg: the package imageio-ffmpeg holds none for this kind of machine. "
            "Install one and name it with DUB_FFMPEG."
        )
    return programs[0]


def untrusted(path: Path, **options: Any) -> Any:
    """Make the file an input of a graph, opened with the listed demuxers and decoders only.

    Without the lists, a text file named .mp4 can be a playlist that opens other files, and a small
    picture can fill the memory. `options` are further options of ffmpeg's input.
    """
    return ffmpeg.input(str(path), **_LISTS, max_pixels=MOST_PIXELS, **options)


def run(graph: Any) -> str:
    """Run a graph to its end, and return what ffmpeg wrote to standard error.

    Raises MediaToolError, StorageFullError.
    """
    try:
        done = _start(graph)
    except subprocess.TimeoutExpired as error:
        raise MediaToolError(
            f"ffmpeg had not ended after {DEADLINE_SECONDS} s and was stopped. "
            "Hand in a shorter or simpler file."
        ) from error
    said = done.stderr.decode(errors="replace")
    if done.returncode != 0:
        raise _failure(done.returncode, said)
    return said


def measure(path: Path) -> Measured:
    """Measure the length and loudness of a sound file by decoding it.

    Its header is not used, because it may be wrong. Raises MediaToolError.
    """
    counted = (
        open_audio(path)
        .filter("aformat", channel_layouts="mono", sample_rates=COUNTING_RATE)
        .filter("volumedetect")
        .output("-", format="null")
    )
    # Two branches: with the count behind the meter, older builds mix down before the meter.
    metered = loudness_meter(untrusted(path)["a:0"])
    said = run(ffmpeg.merge_outputs(metered, counted))
    # ffmpeg sets the graph up anew at each change of the stream, and each set-up reports a count.
    return Measured(sum(_counts(said)) / COUNTING_RATE, parse_loudness(said))


def changes(path: Path, stream: int) -> bool:
    """Whether an audio stream changes its format midway, such as the number of channels.

    ffmpeg then sets the graph up anew, and its filters fill and cut as if the sound began there:
    what follows comes too late by the length of what was before. Raises MediaToolError.
    """
    sound = untrusted(path)[f"a:{stream}"].filter("volumedetect")
    return len(_counts(run(sound.output("-", format="null")))) > 1


def open_steady(path: Path, stream: int, *, pictures: bool, into: Path) -> Any:
    """Return an audio stream as a graph's node whose format never changes.

    It is first written to `into`: 48 kHz stereo FLAC in Matroska, at the times of the source.
    `pictures` tells whether the source has a video stream. Raises MediaToolError.
    """
    # Imported here, because it takes a tenth of a second that most processes need not spend.
    import av

    source = untrusted(path)
    sound = (
        source[f"a:{stream}"]
        .filter("aresample", sample_rate=STEADY_RATE, rematrix_maxval=1)
        .filter("aformat", channel_layouts="stereo")
    )
    options = {"format": "matroska", "codec": "flac", "sample_fmt": "s16"}
    outputs = [sound.output(str(into), **options)]
    if pictures:
        # ffmpeg counts a transport stream's time from its first used stream: use the video too.
        outputs.append(source["v:0"].output("-", format="null", codec="copy"))
    run(ffmpeg.merge_outputs(*outputs))
    with av.open(str(into)) as written:
        begins = (written.start_time or 0) / av.time_base
    # ffmpeg shifts every input to begin at 0; the offset undoes that.
    return ffmpeg.input(str(into), itsoffset=begins)["a:0"]


def outlasts(path: Path, stream: int, seconds: float) -> bool:
    """Whether an audio stream decodes to more than `seconds`.

    The times of its packets do not count, and no more is decoded than needed.
    """
    samples = math.ceil(seconds * COUNTING_RATE) + 1
    counted = (
        untrusted(path)[f"a:{stream}"]
        .filter("aformat", channel_layouts="mono", sample_rates=COUNTING_RATE)
        .filter("atrim", end_sample=samples)
        .filter("volumedetect")
        .output("-", format="null")
    )
    return sum(_counts(run(counted))) >= samples


def _counts(said: str) -> list[int]:
    """Return the number of samples that each `volumedetect` has counted, in the order of set-up."""
    return [int(count) for count in re.findall(r"n_samples: (\d+)", said)]


def open_audio(path: Path, stream: int = 0) -> Any:
    """Return an audio stream of the file as a graph's node, cut at the end that an MP4 states.

    Without the cut, ffmpeg before version 9 also decodes the padding of the last packet: up to 21
    ms of AAC.
    """
    sound = untrusted(path)[f"a:{stream}"]
    end = _read_end(path, stream)
    return sound.filter("atrim", end=end) if end else sound


def _read_end(path: Path, stream: int) -> float | None:
    """Return where an MP4 says that an audio stream ends, in seconds from the file's start, or
    None."""
    import av

    # A file that cannot be opened fails later in ffmpeg, whose error says more.
    with contextlib.suppress(av.FFmpegError, IndexError), av.open(path, options=_LISTS) as file:
        sound = file.streams.audio[stream]
        if "mp4" in file.format.name.split(",") and sound.duration:
            begin = (sound.start_time or 0) * sound.time_base - (file.start_time or 0) / 1_000_000
            return float(begin + sound.duration * sound.time_base)
    return None


def loudness_meter(stream: Any) -> Any:
    """Return an output that measures the stream; `parse_loudness` reads the result."""
    # framelog=verbose hides a line for each 100 ms, which would fill megabytes.
    metered = stream.filter("ebur128", peak="true", framelog="verbose")
    return metered.output("-", format="null")


def measured_once(said: str) -> bool:
    """Whether the loudness meter was set up once, as it is for a sound whose format never
    changes."""
    return said.count("Summary:") == 1


def parse_loudness(said: str) -> Loudness:
    """Read the summary that ffmpeg's filter ebur128 has written. Raises MediaToolError."""
    summary = said.rpartition("Summary:")[2]
    lufs = re.search(r"I:\s+(-?[\d.]+|-inf) LUFS", summary)
    peak = re.search(r"Peak:\s+(-?[\d.]+|-inf) dBFS", summary)
    if lufs is None or peak is None:
        raise MediaToolError("ffmpeg measured no loudness.", detail=said[-2000:])
    return Loudness(float(lufs[1]), float(peak[1]))


def outline(path: Path, stream: int = 0) -> list[int]:
    """Return the loudness of a sound at PLACES points, from 0 (silence) to MOST_LOUD (its
    loudest)."""
    graph = (
        untrusted(path)[f"a:{stream}"]
        .filter("aformat", channel_layouts="mono")
        .filter("showwavespic", s=f"{PLACES}x{_DOTS}", colors="white", scale="sqrt")
        .output("pipe:", frames=1, format="image2pipe", codec="rawvideo", pix_fmt="gray")
    )
    done = _start(graph)
    if done.returncode != 0:
        raise _failure(done.returncode, done.stderr.decode(errors="replace"))
    high = np.count_nonzero(np.frombuffer(done.stdout, np.uint8).reshape(_DOTS, PLACES), axis=0)
    # ffmpeg draws silence one dot high.
    return scale_outline(np.maximum(high - 1, 0))


def scale_outline(heights: NDArray[Any]) -> list[int]:
    """Scale heights to an outline: the highest becomes MOST_LOUD."""
    return [round(MOST_LOUD * each) for each in (heights / max(heights.max(), 1e-9)).tolist()]


def _start(graph: Any) -> subprocess.CompletedProcess[bytes]:
    # A static build crashes if it loads the character tables of another C library, which it does
    # for the names of channels in a transport stream. So it gets no tables.
    environment = {**os.environ, "GCONV_PATH": "/dev/null"}
    return subprocess.run(
        _command(graph),
        capture_output=True,
        timeout=DEADLINE_SECONDS,
        check=False,
        env=environment,
    )


def _command(graph: Any) -> list[str]:
    require_listed(graph)
    command: list[str] = graph.global_args(*_QUIET).compile(cmd=binary())
    limits = Limits(MOST_MEMORY_BYTES, MOST_CPU_SECONDS, MOST_FILE_BYTES)
    return tie_to_parent(command, limits=limits)


def _failure(status: int, said: str) -> DubError:
    if status == -signal.SIGXFSZ and resource.getrlimit(resource.RLIMIT_FSIZE)[0] < 0:
        return MediaToolError(
            f"What ffmpeg makes of this file has more than {MOST_FILE_BYTES:,} bytes, so it was "
            "stopped. Hand in a shorter or simpler file.",
            detail=said[-2000:],
        )
    if status == -signal.SIGXFSZ or says_full(said):
        return full_disk("what ffmpeg makes", said)
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return MediaToolError(
            f"ffmpeg was ended by signal {-status}: it had worked for {MOST_CPU_SECONDS} s of all "
            "cores together, or the machine's memory was used up. Hand in a shorter or simpler "
            "file.",
            detail=said[-2000:],
        )
    if status < 0:
        return MediaToolError(
            f"ffmpeg crashed on this file (signal {-status}). Hand in another copy of it, or have "
            "DUB_FFMPEG name another ffmpeg.",
            detail=said[-2000:],
        )
    return MediaToolError(
        f"ffmpeg could not do its work on this file: {_reason(said)[:300]}", detail=said[-2000:]
    )


def _reason(said: str) -> str:
    """Return the line with the reason; the last lines say only where ffmpeg ended."""
    lines = [_SPEAKER.sub("", line.strip()) for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(_TELLS_NOTHING)]
    return (telling or lines or ["it gave no reason"])[-1]
