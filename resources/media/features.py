"""What the platform asks of ffmpeg: one table of everything that it uses, and who lacks what.

    require_listed(graph)                                   # no use without a row
    require_capable(Path("/usr/bin/ffmpeg"), Path("checked.txt"))     # no row that it lacks

The lists of what strangers' files may hold (`demuxers.py`, `limits.py`) are longer: a build that
lacks a name of theirs refuses such files as it refuses all others. The table has what the platform
cannot work without, and is kept to what ffmpeg 4.2 and all after it can do.
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
    # The two after rawvideo are what goes into `null`.
    "encoder": ("aac", "flac", "libx264", "mov_text", "rawvideo", "pcm_s16le", "wrapped_avframe"),
    # What people are told to hand in, where more than copying is done with it, and captions.
    "decoder": ("aac", "flac", "h264", "mp3", "opus", "pcm_s16le", "subrip", "vp9"),
    "demuxer": ("flac", "matroska", "mov", "mp3", "mpegts", "srt", "wav"),
    # Matroska is what yt-dlp has pictures and sound put together in where MP4 cannot hold them.
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
    """Raise LookupError if the graph uses anything that has no row in the table."""
    unlisted = sorted(set(_uses(graph)) - _table())
    if unlisted:
        raise LookupError(
            f"A graph for ffmpeg uses what resources/media/features.py has no row for: "
            f"{', '.join(unlisted)}. Add it there if every supported ffmpeg has it."
        )


def require_capable(program: Path, known: Path) -> None:
    """Raise EngineUnavailableError unless this ffmpeg has everything that the table names.

    Asking takes 0.3 s, and 1.5 s where it loads many libraries: `known` is a file
    that remembers which program passed, as long as neither that nor the table changes.
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
    # On a full disk it is asked again next time.
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
    """Every row, in the words of a refusal."""
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
    """What a graph uses, in the table's words."""
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
    # An option by its place is another one in another version.
    yield from (_option(node.name, f"{value}, which names no option") for value in node.args)
    for name, value in node.kwargs.items():
        by_value = f"{name}={value}"
        listed = FILTERS.get(node.name, ())
        yield _option(node.name, by_value if by_value in listed else name)


def _uses_of_output(options: dict[str, Any]) -> Iterator[str]:
    """What an output uses. Nothing may be left for ffmpeg to choose by the name of the file."""
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
    """What an ffmpeg has, as far as the table asks for it, in the table's words."""
    for kind in ("filter", *NAMES):
        yield from (f"{kind} {name}" for name in _names_in(_ask(program, f"-{kind}s")))
    for name in FILTERS:
        said = _ask(program, "-h", f"filter={name}")
        yield from (_option(name, each) for each in _options_in(said))
    options = re.findall(r"(?m)^ *-(\w+)", _ask(program, "-h", "full"))
    yield from (f"option -{name}" for name in options)


def _names_in(said: str) -> Iterator[str]:
    """The names in one of ffmpeg's lists, each after its flags; a name can be several."""
    for line in said.splitlines():
        words = (word for word in line.split() if not _FLAGS.fullmatch(word))
        yield from next(words, "").split(",")


def _options_in(said: str) -> Iterator[str]:
    """The options in the help of a filter, and each with each of its constants."""
    option = ""
    for name, kind in _HELP.findall(said):
        option = name if kind else option
        yield name if kind else f"{option}={name}"


def _version(program: Path) -> str:
    """The version as ffmpeg tells it. Raises SubprocessError where the program is none."""
    found = re.match(r"ffmpeg version (\S+)", _ask(program, "-version"))
    if found is None:
        raise subprocess.SubprocessError("it does not answer as ffmpeg does")
    return found[1]


def _ask(program: Path, *arguments: str) -> str:
    """Run ffmpeg for what it writes to its standard output. Raises OSError, SubprocessError."""
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
    """A text that is another when the program or the table is another."""
    status = program.stat()
    table = hashlib.sha256(" ".join(sorted(_table())).encode()).hexdigest()
    return f"{program} {status.st_size} {status.st_mtime_ns} {table}\n"
