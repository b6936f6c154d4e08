"""AAC in pieces: one stream to whoever decodes it, from the first sample to the last."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from resources.mixer import aac
from resources.mixer.pieces import AAC_FRAME
from tests.support.measuring import decode, locate
from tests.support.recipes.media import RATE, Sound, noise, silence, stereo, tone

MARGIN = 24 * AAC_FRAME


def music(seconds: float) -> Sound:
    """Chords that swell, and something behind them that differs left and right: (2, frames)."""
    time = np.arange(round(seconds * RATE)) / RATE
    swell = (1 + 0.5 * np.sin(2 * np.pi * 0.7 * time)).astype(np.float32)
    chord = sum(tone(hertz, seconds, db=-18.0) for hertz in (220.0, 277.2, 330.0, 1_760.0))
    behind = [noise(seconds, db=-45.0, seed=seed) for seed in (1, 2)]
    return np.ascontiguousarray(np.stack([swell * chord + each for each in behind]))


def in_pieces(sound: Sound, size: int, folder: Path) -> list[aac.Packets]:
    """The packets of a sound from one encoder for every `size` frames."""
    joined = []
    for first in range(0, sound.shape[1], size):
        begin, end = max(0, first - MARGIN), first + size + 4 * AAC_FRAME
        own = aac.encode(sound[:, begin:end], into=folder / f"{first}.aac")
        skipped = (first - begin) // AAC_FRAME + 1 if first else 0
        last = (min(first + size, sound.shape[1]) - begin) // AAC_FRAME + 1
        joined.append(own.between(skipped, last))
    return joined


def likeness_db(sound: Sound, heard: Sound) -> float:
    """How far what an encoder changed lies below the sound, in dB."""
    return float(10 * np.log10(np.square(sound).sum() / np.square(sound - heard).sum()))


def test_pieces_join_as_if_one_encoder_had_made_them(tmp_path: Path) -> None:
    """Around their borders they are as near to the sound as anywhere else."""
    size = 200 * AAC_FRAME
    sound = music(16.0)[:, : 3 * size]
    heard = aac.decode(in_pieces(sound, size, tmp_path))
    assert (2, sound.shape[1]) == heard.shape
    near = [
        likeness_db(sound[:, at - 2048 : at + 2048], heard[:, at - 2048 : at + 2048])
        for at in (size, 2 * size)
    ]
    elsewhere = likeness_db(sound[:, 50_000:150_000], heard[:, 50_000:150_000])
    assert min(near) > elsewhere - 3.0


@pytest.mark.parametrize("frames", [RATE, 10 * AAC_FRAME, 10 * AAC_FRAME + 1])
def test_the_file_is_as_long_as_the_sound(tmp_path: Path, frames: int) -> None:
    """To the sample, as its own decoder and ffmpeg hear it."""
    sound = music(2.0)[:, :frames]
    path = tmp_path / "track.m4a"
    aac.write([aac.encode(sound, into=tmp_path / "a.aac")], frames, path)
    assert frames == len(decode(path))


def test_the_sound_begins_with_the_file(tmp_path: Path) -> None:
    """The encoder's delay is in the file, and its edit list leaves it out."""
    click = np.concatenate([silence(0.5), noise(0.05), silence(0.5)])
    path = tmp_path / "track.m4a"
    sound = np.ascontiguousarray(stereo(click, click).T)
    aac.write([aac.encode(sound, into=tmp_path / "a.aac")], sound.shape[1], path)
    wanted = noise(0.05).astype(np.float64)
    found = locate(wanted, decode(path)[:, 0], near=0.5, within=0.3)
    assert pytest.approx(0.5, abs=1 / RATE) == found.start
    with av.open(str(path), options={"ignore_editlist": "1"}) as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    unedited = locate(wanted, np.concatenate(frames).astype(np.float64), near=0.5, within=0.3)
    assert pytest.approx(0.5 + AAC_FRAME / RATE, abs=1 / RATE) == unedited.start


def test_players_can_begin_before_they_have_it_all(tmp_path: Path) -> None:
    """The index comes before the sound."""
    path = tmp_path / "track.m4a"
    aac.write([aac.encode(music(1.0), into=tmp_path / "a.aac")], RATE, path)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_stream_says_what_it_is(tmp_path: Path) -> None:
    """AAC-LC, 48 kHz, stereo; and the decoder is told the same."""
    path = tmp_path / "track.m4a"
    aac.write([aac.encode(music(1.0), into=tmp_path / "a.aac")], RATE, path)
    with av.open(str(path)) as container:
        (stream,) = container.streams
        context = stream.codec_context
        assert ("aac", "LC", RATE, 2) == (
            context.name,
            context.profile,
            context.sample_rate,
            context.channels,
        )
        assert aac._configuration() == (context.extradata or b"")[:2]
