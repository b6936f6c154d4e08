"""ffmpeg, found and run in one place: graphs are built with ffmpeg-python, run here.

    run(open_audio(path).output("out.wav", format="wav", codec="pcm_s16le"))
    measure(Path("track.m4a")).loudness

The binary is the one in the imageio-ffmpeg wheel, whatever is on PATH, unless the process was told
of another (`choose`). Input is hostile until decoded, so demuxers and protocols are listed, and
every run has a deadline. A graph uses nothing that `features.py` has no row for.
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
from resources.system.programs import Limits, bound

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The processor's time has its own limit; this is for one that hangs.
DEADLINE_SECONDS = 24 * 3600
COUNTING_RATE = STEADY_RATE = 48_000
# Of an outline: as fine as a picture of it is that Dagster shows at once
# (`assets/step/metadata.py`).
PLACES, MOST_LOUD = 90, 10
_DOTS = 200
_LISTS = {
    "format_whitelist": ",".join(DEMUXERS),
    "protocol_whitelist": "file",
    "codec_whitelist": ",".join(DECODERS),
}
_QUIET = ("-hide_banner", "-nostdin", "-nostats", "-y")


# How ffmpeg begins the lines that follow the one with the reason.
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
# The part of ffmpeg that says it, with its address in memory.
_SPEAKER = re.compile(r"^(?:\[[^\]]{1,80}\] )+")


@dataclass(frozen=True)
class Loudness:
    """EBU R128: integrated loudness in LUFS (-70 is silence) and true peak in dBTP."""

    lufs: float
    true_peak_db: float


@dataclass(frozen=True)
class Measured:
    """What was measured of a sound file."""

    seconds: float
    loudness: Loudness


@dataclass
class _Choice:
    program: Path | None = None


_choice = _Choice()


def choose(program: Path) -> None:
    """Have everything in this process done by that ffmpeg from now on."""
    _choice.program = program


def binary() -> str:
    """The ffmpeg to run: the chosen one, else the wheel's. Raises EngineUnavailableError."""
    return str(_choice.program or find_in_wheel())


def find_in_wheel() -> Path:
    """The ffmpeg in the imageio-ffmpeg wheel. Raises EngineUnavailableError where it has none.

    The package's own function would look at a variable of its own first, and on PATH last.
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
    """The file as a graph's input, opened by the demuxers and decoders we take and no others.

    Without the lists a text file named .mp4 can be a playlist that opens its neighbours, and a
    small picture can be one that fills the memory. More `options` are those of ffmpeg's inputs.
    """
    return ffmpeg.input(str(path), **_LISTS, max_pixels=MOST_PIXELS, **options)


def run(graph: Any) -> str:
    """Run a graph to its end and return what ffmpeg said.

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
    """How long and how loud a sound file is as it comes out of the decoder.

    A header only claims a length. Raises MediaToolError.
    """
    counted = (
        open_audio(path)
        .filter("aformat", channel_layouts="mono", sample_rates=COUNTING_RATE)
        .filter("volumedetect")
        .output("-", format="null")
    )
    # Beside each other: behind the meter, older builds mix to mono before it.
    metered = loudness_meter(untrusted(path)["a:0"])
    said = run(ffmpeg.merge_outputs(metered, counted))
    # The filter reports once more whenever ffmpeg sets its graph up anew, as at the stream's start.
    return Measured(sum(_counts(said)) / COUNTING_RATE, parsed_loudness(said))


def changes(path: Path, stream: int) -> bool:
    """Whether an audio stream of an untrusted file becomes another one in its midst, of other
    channels, say.

    ffmpeg then sets the filters of a graph up anew, and each fills and cuts as if the sound began
    there: what comes after is too late by as much as came before. Raises MediaToolError.
    """
    sound = untrusted(path)[f"a:{stream}"].filter("volumedetect")
    return len(_counts(run(sound.output("-", format="null")))) > 1


def open_steady(path: Path, stream: int, *, pictures: bool, into: Path) -> Any:
    """An audio stream of an untrusted file as a graph's sound that stays the same to its end.

    It is written to `into` first, 48 kHz stereo FLAC in Matroska, at the times of the source;
    `pictures` says whether that has any. Raises MediaToolError.
    """
    # It costs a process that only runs ffmpeg a tenth of a second.
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
        # A transport stream's time begins with the first stream that is used: pictures too.
        outputs.append(source["v:0"].output("-", format="null", codec="copy"))
    run(ffmpeg.merge_outputs(*outputs))
    with av.open(str(into)) as written:
        begins = (written.start_time or 0) / av.time_base
    # What is opened begins at 0, whatever it says.
    return ffmpeg.input(str(into), itsoffset=begins)["a:0"]


def outlasts(path: Path, stream: int, seconds: float) -> bool:
    """Whether an audio stream of an untrusted file decodes to more than these seconds.

    What its packets say of their times does not count, and no more is decoded than is needed.
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
    """How many samples each `volumedetect` saw, as they are set up one after the other."""
    return [int(count) for count in re.findall(r"n_samples: (\d+)", said)]


def open_audio(path: Path, stream: int = 0) -> Any:
    """An audio stream of an untrusted file as a graph's node, to where an MP4 says that it ends.

    Before ffmpeg 9, what fills the last packet is decoded too: up to 21 ms of AAC.
    """
    sound = untrusted(path)[f"a:{stream}"]
    end = _read_end(path, stream)
    return sound.filter("atrim", end=end) if end else sound


def _read_end(path: Path, stream: int) -> float | None:
    """Where an audio stream of an MP4 ends by its tables, in seconds from the file's start."""
    import av

    # What cannot be opened is refused by ffmpeg, in its words.
    with contextlib.suppress(av.FFmpegError, IndexError), av.open(path, options=_LISTS) as file:
        sound = file.streams.audio[stream]
        if "mp4" in file.format.name.split(",") and sound.duration:
            begin = (sound.start_time or 0) * sound.time_base - (file.start_time or 0) / 1_000_000
            return float(begin + sound.duration * sound.time_base)
    return None


def loudness_meter(stream: Any) -> Any:
    """A graph that measures the stream; `parsed_loudness` reads what it says."""
    # Its lines about every tenth of a second go where ffmpeg does not write unless it is asked to.
    metered = stream.filter("ebur128", peak="true", framelog="verbose")
    return metered.output("-", format="null")


def measured_once(said: str) -> bool:
    """Whether the loudness meter was set up once, as it is where a sound stays the same."""
    return said.count("Summary:") == 1


def parsed_loudness(said: str) -> Loudness:
    """The summary at the end of what ffmpeg's ebur128 filter says."""
    summary = said.rpartition("Summary:")[2]
    lufs = re.search(r"I:\s+(-?[\d.]+|-inf) LUFS", summary)
    peak = re.search(r"Peak:\s+(-?[\d.]+|-inf) dBFS", summary)
    if lufs is None or peak is None:
        raise MediaToolError("ffmpeg measured no loudness.", detail=said[-2000:])
    return Loudness(float(lufs[1]), float(peak[1]))


def outline(path: Path, stream: int = 0) -> list[int]:
    """How loud one of the file's sounds is in each of its PLACES, beside its loudest: that has
    MOST_LOUD, and silence 0."""
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
    # A line of one dot is silence.
    return scale_outline(np.maximum(high - 1, 0))


def scale_outline(heights: NDArray[Any]) -> list[int]:
    """Heights beside the greatest of them, as an outline has them."""
    return [round(MOST_LOUD * each) for each in (heights / max(heights.max(), 1e-9)).tolist()]


def _start(graph: Any) -> subprocess.CompletedProcess[bytes]:
    # A static build that loads the system's character tables, for the name of a channel in a
    # transport stream, ends in a crash where these are of another C library than its own.
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
    return bound(command, limits=limits)


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
    """The line that says why; the last ones say only that it ended, and where."""
    lines = [_SPEAKER.sub("", line.strip()) for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(_TELLS_NOTHING)]
    return (telling or lines or ["it gave no reason"])[-1]
