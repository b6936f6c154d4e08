"""Reads the facts of a hostile file, in a process of its own with limits.

`probe.py` starts it with the file's path and the allowed demuxers and decoders. It prints one JSON
object: the facts, or `{"error": ffmpeg's words}`. It reads every packet and decodes none; so it
notices a truncated file, which ends before its header says.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

MEMORY_LIMIT = 4 << 30  # a library that maps address space generously fits; a bomb does not
CPU_SECONDS = 120
# Packets come in decoding order, where times go back a little; more than this is a restarted clock.
MOST_BACK_SECONDS = 1.0


def facts(path: str, demuxers: str, decoders: str, tags: str) -> dict[str, Any]:
    import av

    options = {
        "format_whitelist": demuxers,
        "protocol_whitelist": "file",
        "codec_whitelist": decoders,
    }
    with av.open(path, options=options) as container:
        pictures = [stream for stream in container.streams.video if not _is_cover(stream)]
        sound = _choose_sound(container, [tag for tag in tags.split(",") if tag])
        wanted = [*pictures[:1], *([] if sound is None else [sound])]
        return {
            "container": container.format.name,
            "declared_seconds": (container.duration or 0) / av.time_base,
            "video": _video(pictures[0]) if pictures else None,
            "audio": None if sound is None else _audio(container, sound),
            **(_times(container, wanted) if wanted else {"seconds": 0.0, "restart": None}),
        }


def _is_cover(stream: Any) -> bool:
    """Whether the video stream is the cover picture of an album."""
    return bool(int(stream.disposition) & 0x400)


def _video(stream: Any) -> dict[str, Any]:
    context = stream.codec_context
    return {
        "codec": context.name,
        "width": context.width,
        "height": context.height,
        "pixels": context.pix_fmt,
        "rate": float(stream.average_rate or 0),
    }


def _choose_sound(container: Any, tags: list[str]) -> Any:
    """Return the audio stream whose language has one of the tags, else the default, else the
    first."""
    sounds = container.streams.audio
    spoken = (each for each in sounds if each.metadata.get("language") in tags)
    usual = (each for each in sounds if int(each.disposition) & 0x1)
    return next(spoken, None) or next(usual, None) or next(iter(sounds), None)


def _audio(container: Any, stream: Any) -> dict[str, Any]:
    context = stream.codec_context
    return {
        "codec": context.name,
        "rate": context.sample_rate,
        "channels": context.channels,
        "stream": [each.index for each in container.streams.audio].index(stream.index),
    }


def _times(container: Any, streams: list[Any]) -> dict[str, Any]:
    """Return the end of the last packet, and where a stream's clock starts again (None if it
    never does)."""
    import av

    # The clocks of transport streams and of some cameras do not begin at zero.
    begins = (container.start_time or 0) / av.time_base
    last, restart, decoded_at = begins, None, dict[int, float]()
    for packet in container.demux(streams):
        if packet.pts is not None:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            last = max(last, end)
        if packet.dts is not None:
            at = float(packet.dts * packet.time_base)
            before = decoded_at.get(packet.stream_index, at)
            if at < before - MOST_BACK_SECONDS and restart is None:
                restart = before - begins
            decoded_at[packet.stream_index] = at
    return {"seconds": last - begins, "restart": restart}


def main(path: str, demuxers: str, decoders: str, tags: str = "") -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    try:
        answer = facts(path, demuxers, decoders, tags)
    except Exception as error:  # noqa: BLE001 - whatever the bytes provoke is the answer
        answer = {"error": f"{type(error).__name__}: {error}"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
