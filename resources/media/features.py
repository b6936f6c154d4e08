"""The features of ffmpeg that the platform uses, in one table, and the check that a binary has
them.

    require_listed(graph)                                   # a graph uses listed features only
    require_capable(Path("/usr/bin/ffmpeg"), Path("checked.txt"))     # the binary has them all

The lists of formats and codecs for uploaded files (`demuxers.py`, `limits.py`) are longer: a binary
that lacks one of those refuses such files, as it does others. The table has what the platform needs
in any case; ffmpeg 4.2 and all later versions have it.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ffmpeg.dag import topo_sort
from ffmpeg.nodes import FilterNode, InputNode, OutputNode, get_stream_spec_nodes

from dub_platform.core.errors import EngineUnavailableError

FILTERS = {
    "aformat": ("channel_layouts", "sample_rates"),
    "apad": ("whole_dur",),
    "aresample": ("async", "first_pts", "rematrix_maxval", "sample_rate"),
    "asplit": ("outputs",),
    "atrim": ("end", "end_sample"),
    "ebur128": ("framelog=verbose", "peak=true"),
    "metadata": ("mode=print",),
    "pan": ("args",),
    "scale": ("h", "w"),
    "select": ("expr",),
    "showwavespic": ("colors", "s", "scale=sqrt"),
    "volumedetect": (),
}
NAMES = {
    # pcm_s16le and wrapped_avframe are the encoders of the muxer `null`.
    "encoder": ("aac", "flac", "libx264", "mov_text", "rawvideo", "pcm_s16le", "wrapped_avframe"),
    # The formats that people are told to upload, as far as they are decoded, and captions.
    "decoder": ("aac", "flac", "h264", "mp3", "opus", "pcm_s16le", "subrip", "vp9"),
    "demuxer": ("flac", "matroska", "mov", "mp3", "mpegts", "srt", "wav"),
    # yt-dlp merges video and audio into Matroska if MP4 cannot hold them.
    "muxer": ("flac", "image2pipe", "matroska", "mp4", "null", "wav"),
    "protocol": ("file", "pipe"),
}
OPTIONS = (
    *("ac", "ar", "codec", "codec_whitelist", "compression_level", "crf", "disposition", "f"),
    *(
        "format_whitelist",
        "frame_size",
        "frames",
        "itsoffset",
        "map_metadata",
        "max_pixels",
        "metadata",
    ),
    *("movflags", "pix_fmt", "preset", "protocol_whitelist", "sample_fmt", "skip_frame"),
)

ANSWER_SECONDS = 60
_MOST_NAMED = 5
_FLAGS = re.compile(r"[A-Z.|]+|d")
_HELP = re.compile(r"^ +-?(\w+) +(\[?<\S+)?", re.MULTILINE)


def require_listed(graph: Any) -> None:
    """Check that a graph uses listed features only. Raises LookupError."""
    unlisted = sorted(set(_uses(graph)) - _table())
    if unlisted:
        raise LookupError(
            f"A graph for ffmpeg uses what resources/media/features.py has no row for: "
            f"{', '.join(unlisted)}. Add it there if every supported ffmpeg has it."
        )


def require_capable(program: Path, known: Path) -> None:
    """Check that this ffmpeg has every feature of the table. Raises EngineUnavailableError.

    The check takes 0.3 s, or 1.5 s for a binary that loads many libraries. So the file `known`
    remembers which binary has passed, until the binary or the table changes.
    """
    try:
        fingerprint = _fingerprint(program)
        if known.is_file() and known.read_text() == fingerprint:
            return
        version = _version(program)
        missing = sorted(_table() - set(_offers(program)))
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineUnavailableError(
            f"The ffmpeg in {program} cannot be run: {error}. Name another with DUB_FFMPEG, or "
            "leave that empty for the one that is installed with the platform."
        ) from error
    if missing:
        raise EngineUnavailableError(_refusal(program, version, missing))
    # If the disk is full, the check is made again next time.
    with contextlib.suppress(OSError):
        known.parent.mkdir(parents=True, exist_ok=True)
        known.write_text(fingerprint)


def _refusal(program: Path, version: str, missing: list[str]) -> str:
    named = ", ".join(missing[:_MOST_NAMED])
    more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    return (
        f"The ffmpeg in {program}, version {version}, lacks what the platform uses: {named}{more}. "
        "Name another with DUB_FFMPEG, or leave that empty for the one that is installed with the "
        "platform."
    )


def _table() -> frozenset[str]:
    """Return every feature of the table, in the words of an error message."""
    named = {"filter": tuple(FILTERS), **NAMES}
    return frozenset(
        [
            *(f"{kind} {name}" for kind, names in named.items() for name in names),
            *(_option(name, each) for name, options in FILTERS.items() for each in options),
            *(f"option -{name}" for name in OPTIONS),
        ]
    )


def _option(filter_name: str, option: str) -> str:
    return f"filter {filter_name} with {option}"


def _uses(graph: Any) -> Iterator[str]:
    """Yield the features that a graph uses, in the words of the table."""
    nodes, _ = topo_sort(get_stream_spec_nodes(graph))
    for node in nodes:
        if isinstance(node, FilterNode):
            yield from _uses_of_filter(node)
        elif isinstance(node, InputNode):
            yield from _uses_of_file(node.kwargs, "demuxer")
        elif isinstance(node, OutputNode):
            yield from _uses_of_output(node.kwargs)


def _uses_of_filter(node: Any) -> Iterator[str]:
    yield f"filter {node.name}"
    # The position of an option changes between versions of ffmpeg, so each must be named.
    yield from (_option(node.name, f"{value}, which names no option") for value in node.args)
    for name, value in node.kwargs.items():
        by_value = f"{name}={value}"
        listed = FILTERS.get(node.name, ())
        yield _option(node.name, by_value if by_value in listed else name)


def _uses_of_output(options: dict[str, Any]) -> Iterator[str]:
    """Yield the features of an output. It must name its muxer and encoders.

    Otherwise ffmpeg chooses them by the file's name, differently in each build.
    """
    yield from _uses_of_file(options, "muxer")
    codecs = {value for name, value in options.items() if name.partition(":")[0] == "codec"}
    yield from (f"encoder {value}" for value in codecs - {"copy"})
    if "format" not in options:
        yield f"a muxer that is not named for {options['filename']}"
    elif not codecs and options["format"] != "null":
        yield f"an encoder that is not named for {options['filename']}"


def _uses_of_file(options: dict[str, Any], kind: str) -> Iterator[str]:
    for name, value in options.items():
        if name == "format":
            yield f"{kind} {value}"
        elif name != "filename":
            yield f"option -{name.partition(':')[0]}"


def _offers(program: Path) -> Iterator[str]:
    """Yield the features that a binary has, of the kinds in the table."""
    for kind in ("filter", *NAMES):
        yield from (f"{kind} {name}" for name in _names_in(_ask(program, f"-{kind}s")))
    for name in FILTERS:
        said = _ask(program, "-h", f"filter={name}")
        yield from (_option(name, each) for each in _options_in(said))
    options = re.findall(r"(?m)^ *-(\w+)", _ask(program, "-h", "full"))
    yield from (f"option -{name}" for name in options)


def _names_in(said: str) -> Iterator[str]:
    """Yield the names in one of ffmpeg's lists; each follows its flags, and may be several with
    commas."""
    for line in said.splitlines():
        words = (word for word in line.split() if not _FLAGS.fullmatch(word))
        yield from next(words, "").split(",")


def _options_in(said: str) -> Iterator[str]:
    """Yield the options in the help of a filter, alone and with each of their constants."""
    option = ""
    for name, kind in _HELP.findall(said):
        option = name if kind else option
        yield name if kind else f"{option}={name}"


def _version(program: Path) -> str:
    """Return the version that the binary tells. Raises SubprocessError if it is not ffmpeg."""
    found = re.match(r"ffmpeg version (\S+)", _ask(program, "-version"))
    if found is None:
        raise subprocess.SubprocessError("it does not answer as ffmpeg does")
    return found[1]


def _ask(program: Path, *arguments: str) -> str:
    """Run ffmpeg, and return its standard output. Raises OSError, SubprocessError."""
    command = [str(program), "-hide_banner", *arguments]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=ANSWER_SECONDS,
        check=False,
    )
    return done.stdout.decode(errors="replace")


def _fingerprint(program: Path) -> str:
    """Return a text that changes with the binary and with the table."""
    status = program.stat()
    table = hashlib.sha256(" ".join(sorted(_table())).encode()).hexdigest()
    return f"{program} {status.st_size} {status.st_mtime_ns} {table}\n"
