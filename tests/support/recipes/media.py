"""Clips and sounds with known answers, made at test time.

    clip = make_clip(tmp_path / "clip.mkv", seconds=3.0, sound=tone(440, 2.0), late=0.5)

Sounds are arrays between -1 and 1, shape (frames,) or (frames, channels), at 48 kHz unless said
otherwise. Pictures are ffmpeg's test card, 160 x 90 at 25 a second.
"""

from __future__ import annotations

import hashlib
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray

from resources.media.ffmpeg import find_in_wheel
from tests.support.made_once import copy_made

Sound = NDArray[np.float32]

RATE = 48_000
SIZE = (160, 90)
# How an encoder is told that only its format matters.
_HURRY: dict[str, dict[str, Any]] = {
    "libx264": {"preset": "ultrafast"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": 8},
}
_CODECS = {
    ".mp4": ("libx264", "aac"),
    ".mov": ("libx264", "aac"),
    ".mkv": ("libx264", "flac"),
    ".webm": ("libvpx-vp9", "libopus"),
    ".avi": ("mpeg4", "libmp3lame"),
    ".ts": ("libx264", "aac"),
    ".mpg": ("mpeg2video", "mp2"),
}


def tone(hertz: float, seconds: float, *, db: float = -20.0, rate: int = RATE) -> Sound:
    """A sine, `db` below full scale at its peaks."""
    time = np.arange(round(seconds * rate)) / rate
    return (10 ** (db / 20) * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def noise(seconds: float, *, db: float = -20.0, seed: int = 1, rate: int = RATE) -> Sound:
    """White noise, `db` below full scale in RMS; the same for the same seed."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return (10 ** (db / 20) * samples).astype(np.float32)


def silence(seconds: float, *, rate: int = RATE) -> Sound:
    """Digital silence."""
    return np.zeros(round(seconds * rate), dtype=np.float32)


def stereo(left: Sound, right: Sound) -> Sound:
    """Two channels of one length made one sound."""
    return np.stack([left, right], axis=1)


def make_clip(
    path: Path,
    *,
    seconds: float = 2.0,
    sound: Sound | None = None,
    rate: int = RATE,
    late: float = 0.0,
    options: Mapping[str, Any] | None = None,
) -> Path:
    """A video in the container that its name ends in, with `sound` from `late` seconds on.

    Without a sound there is no audio stream. `options` are ffmpeg's for the output.
    """
    recipe = [seconds, _identify(sound), rate, late, options]

    def encode(made: Path) -> None:
        _encode_clip(made, seconds, sound, rate, late, options or {})

    return copy_made(path, recipe, encode)


def _encode_clip(
    path: Path,
    seconds: float,
    sound: Sound | None,
    rate: int,
    late: float,
    options: Mapping[str, Any],
) -> None:
    card = f"testsrc2=size={SIZE[0]}x{SIZE[1]}:rate=25:duration={seconds}"
    pictures = ffmpeg.input(card, format="lavfi")["v:0"]
    video, audio = _CODECS[path.suffix]
    codecs: dict[str, Any] = {"c:v": video, "pix_fmt": "yuv420p", "g": 25}
    codecs |= _HURRY.get(video, {})
    with tempfile.TemporaryDirectory() as folder:
        streams = [pictures]
        if sound is not None:
            wav = Path(folder) / "sound.wav"
            soundfile.write(wav, sound, rate, subtype="FLOAT")
            streams.append(ffmpeg.input(str(wav), itsoffset=late)["a:0"])
            codecs["c:a"] = audio
        run(ffmpeg.output(*streams, str(path), **{**codecs, **options}))


def _identify(sound: Sound | None) -> object:
    """What tells a sound from every other one."""
    if sound is None:
        return None
    return sound.shape, sound.dtype.str, hashlib.sha256(sound.tobytes()).hexdigest()


def two_sounds(path: Path, *languages: str, default: int = 0) -> Path:
    """A clip whose sounds are said to be in these languages, one of them the default."""
    streams: list[str] = []
    for number, _ in enumerate(languages):
        wav = path.with_name(f"{number}.wav")
        soundfile.write(wav, tone(440 * (number + 1), 2.0), RATE)
        streams.append(str(wav))
    tags = {
        f"metadata:s:a:{number}": f"language={tag}" for number, tag in enumerate(languages) if tag
    }
    marks = {
        f"disposition:a:{number}": "default" if number == default else "0"
        for number, _ in enumerate(languages)
    }
    sounds = [ffmpeg.input(wav)["a:0"] for wav in streams]
    pictures = ffmpeg.input(str(make_clip(path.with_name("card.mp4"), seconds=2.0)))["v:0"]
    run(ffmpeg.output(pictures, *sounds, str(path), **{"c:v": "copy", **tags, **marks}))
    return path


def make_lying_clip(path: Path, codec: str, *, says: float, holds: float) -> Path:
    """A clip of so many seconds, whose sound has packets for more that are all said to be at its
    end."""
    import av

    card = make_clip(path.with_name("card.mp4"), seconds=says)
    with av.open(str(path), "w") as lying, av.open(str(card)) as clip:
        pictures = lying.add_stream_from_template(clip.streams.video[0])
        sound = lying.add_stream(codec, rate=RATE, layout="mono")
        encoder = av.CodecContext.create(codec, "w")
        assert isinstance(encoder, av.AudioCodecContext)
        encoder.sample_rate, encoder.layout = RATE, "mono"
        encoder.format = sound.codec_context.format = "s16" if codec == "flac" else "fltp"
        resampler = av.AudioResampler(encoder.format, "mono", RATE, frame_size=1024)
        frame = av.AudioFrame.from_ndarray(tone(440, holds)[None, :], "flt", "mono")
        frame.sample_rate, frame.pts = RATE, 0
        packets = [
            packet
            for part in (*resampler.resample(frame), *resampler.resample(None), None)
            for packet in (encoder.encode(part) if part or part is None else ())
        ]
        sound.codec_context.extradata = encoder.extradata
        last = int((says - 0.1) * RATE)
        for packet in clip.demux(clip.streams.video[0]):
            if packet.dts is not None:
                packet.stream = pictures
                lying.mux(packet)
        for packet in packets:
            packet.stream, packet.time_base = sound, Fraction(1, RATE)
            packet.pts = packet.dts = min(packet.pts or 0, last)
            lying.mux(packet)
    return path


def make_cut_clip(path: Path, *, share: float = 0.5, **recipe: Any) -> Path:
    """A clip whose index comes first, of which only the first part of the bytes arrived."""
    options = {"movflags": "+faststart"} if path.suffix == ".mp4" else None
    return cut(make_clip(path, options=options, **recipe), share)


def cut(path: Path, share: float) -> Path:
    """The file's first bytes, as much of them as `share` says."""
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * share)])
    return path


def make_script(path: Path, neighbour: Path) -> Path:
    """A text that ffmpeg would take for a playlist of its neighbour, whatever its name."""
    path.write_text(f"ffconcat version 1.0\nfile {neighbour.name}\n")
    return path


def make_lent(path: Path, neighbour: Path) -> Path:
    """A silent .mov whose sound, it says, lies in its neighbour, which is made to fit and hums."""
    pcm = {"c:a": "pcm_s16le"}
    make_clip(neighbour, sound=tone(440, 2.0), options=pcm)
    content = bytearray(make_clip(path, sound=silence(2.0), options=pcm).read_bytes())
    at = content.index(b"dref", content.index(b"smhd")) - 4
    size = int.from_bytes(content[at : at + 4], "big")
    lent = b"dref" + struct.pack(">II", 0, 1) + _alias(neighbour.name)
    for box in _around(content, at):
        grown = int.from_bytes(content[box : box + 4], "big") + 4 + len(lent) - size
        content[box : box + 4] = grown.to_bytes(4, "big")
    content[at + 4 : at + size] = lent
    path.write_bytes(content)
    return path


def _alias(name: str) -> bytes:
    """QuickTime's word for a file in the same folder."""
    where = f"disk:{name}".encode()
    fixed = bytes(10) + b"\x04disk".ljust(28, b"\0") + bytes(12)
    named = bytes([len(name)]) + name.encode().ljust(63, b"\0") + bytes(16)
    levels = struct.pack(">HH", 1, 1) + bytes(16)
    whole = struct.pack(">HH", 2, len(where)) + where + b"\0" * (len(where) % 2)
    entry = b"alis" + bytes(4) + fixed + named + levels + whole + struct.pack(">HH", 0xFFFF, 0)
    return struct.pack(">I", 4 + len(entry)) + entry


def _around(content: bytearray, at: int) -> Iterator[int]:
    """Where the boxes begin that the byte lies in, from the outermost."""
    begin = 0
    while begin <= at:
        size = int.from_bytes(content[begin : begin + 4], "big")
        if at < begin + size:
            yield begin
            size = 8
        begin += size


def make_picture(path: Path) -> Path:
    """One frame of the test card."""
    run(
        ffmpeg.input("testsrc2=size=160x90:duration=1", format="lavfi").output(str(path), vframes=1)
    )
    return path


def make_sound(
    path: Path, sound: Sound, *, rate: int = RATE, cover: Path | None = None, **options: Any
) -> Path:
    """A sound file in the format that its name ends in: no pictures, but for an album's cover."""

    def encode(made: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            wav = Path(folder) / "sound.wav"
            soundfile.write(wav, sound, rate, subtype="FLOAT")
            streams = [ffmpeg.input(str(wav))]
            chosen = dict(options)
            if cover is not None:
                streams.append(ffmpeg.input(str(cover)))
                chosen = {"disposition:v": "attached_pic", **chosen}
            run(ffmpeg.output(*streams, str(made), **chosen))

    picture = cover.read_bytes() if cover else None
    return copy_made(path, [_identify(sound), rate, picture, options], encode)


def run(graph: Any) -> None:
    """Run an ffmpeg graph that must succeed, with the wheel's ffmpeg, whichever is tested."""
    ours = str(find_in_wheel())
    command = graph.global_args("-v", "error", "-nostdin", "-y").compile(cmd=ours)
    subprocess.run(command, check=True)


def make_changing_clip(path: Path, first: Sound, second: Sound) -> Path:
    """A recording from television (.ts): AC-3 with two channels, then with six, on one clock."""
    parts, at = [], 0.0
    for number, sound in enumerate((first, second)):
        seconds = len(sound) / RATE
        channels = {"c:a": "ac3", "ac": 2 if number == 0 else 6, "output_ts_offset": at}
        part = path.with_name(f"part{number}.ts")
        parts.append(make_clip(part, seconds=seconds, sound=sound, options=channels).read_bytes())
        at += seconds
    path.write_bytes(b"".join(parts))
    return path
