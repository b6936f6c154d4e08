"""Speech in chunks: nothing else, nothing twice, and never more than a chunk in memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from dub_platform.core.speech import Span, Word
from resources.media.vad import RATE, open_speech
from resources.transcriber.chunks import Chunk, Piece, cut, pack, segments
from tests.support.recipes.speech import write_wav

HOURS = 3
MEGABYTE = 1_000_000


def silence(path: Path, seconds: int) -> Path:
    """A WAV of silence that takes no room on the disk, however long it is."""
    write_wav(path, np.zeros(0))
    size = 2 * RATE * seconds
    with path.open("r+b") as file:
        for place, value in ((4, 36 + size), (40, size)):
            file.seek(place)
            file.write(value.to_bytes(4, "little"))
        file.truncate(44 + size)
    return path


def test_pieces_go_together_as_long_as_they_fit() -> None:
    """Each has a tenth of a second around its speech, and half a second to the next."""
    spans = [Span(1.0, 5.0), Span(7.0, 11.0), Span(30.0, 34.0)]
    pieces = [Piece(span.start - 0.1, span.end + 0.1, span) for span in spans]
    one, other = pack(pieces, longest=10.0)
    assert (spans[:2], spans[2:]) == (
        [piece.speech for piece in one.pieces],
        [piece.speech for piece in other.pieces],
    )
    assert [0.0, pytest.approx(4.7)] == one.starts
    assert 4.2 + 0.5 + 4.2 == pytest.approx(one.seconds)


def test_a_breath_is_no_longer_in_a_chunk_than_it_was() -> None:
    """Else a recogniser that writes marks would end the sentence there."""
    spans = [Span(1.0, 3.0), Span(3.2, 5.0), Span(5.3, 7.0)]
    (chunk,) = pack((Piece(span.start - 0.1, span.end + 0.1, span) for span in spans), 28.0)
    assert [0.0, 2.2, 2.2 + 2.0 + 0.5] == pytest.approx(chunk.starts)
    words = [Word("a", 2.0, 2.1), Word("b", 2.3, 2.4)]
    assert [["a"], ["b"], []] == [[word.text for word in found] for _, found in chunk.place(words)]


def test_a_chunk_sounds_as_its_pieces_do_with_silence_between(tmp_path: Path) -> None:
    """Sample for sample; what lies between them in the recording is not in it."""
    samples = np.linspace(-0.9, 0.9, 4 * RATE)
    write_wav(tmp_path / "ramp.wav", samples)
    speech = [Span(0.6, 1.0), Span(2.0, 2.5)]
    with open_speech(tmp_path / "ramp.wav") as source:
        (chunk,) = pack(cut(source, speech, shortest=5.0, longest=15.0), longest=15.0)
        sound = chunk.sound(source)
    first, second = samples[RATE // 2 : round(1.1 * RATE)], samples[round(1.9 * RATE) :]
    expected = np.concatenate([first, np.zeros(RATE // 2), second[: round(0.7 * RATE)]])
    assert len(expected) == len(sound)
    assert np.abs(expected - sound).max() < 1e-4


def test_a_long_span_is_cut_where_it_is_quietest(tmp_path: Path) -> None:
    """Into pieces that lie end to end."""
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, 20 * RATE)
    samples[round(8.0 * RATE) : round(8.4 * RATE)] = 0.0
    write_wav(tmp_path / "noise.wav", samples)
    with open_speech(tmp_path / "noise.wav") as source:
        first, second = cut(source, [Span(1.0, 19.0)], shortest=5.0, longest=15.0)
    assert 8.2 == pytest.approx(first.end, abs=0.11)
    assert (0.9, first.end, 19.1) == (first.start, second.start, second.end)
    assert (Span(1.0, first.end), Span(first.end, 19.0)) == (first.spoken, second.spoken)


def test_words_find_their_way_back_to_the_recording() -> None:
    """Each to its piece and its time; one in the pause to the nearer piece."""
    spans = [Span(10.0, 12.0), Span(20.0, 22.0)]
    chunk = Chunk(tuple(Piece(span.start, span.end, span) for span in spans))
    words = [Word("a", 0.5, 1.0), Word("b", 1.9, 2.3), Word("c", 2.4, 2.6), Word("d", 3.0, 3.5)]
    placed = [(word.text, word.start, word.end) for _, ws in chunk.place(words) for word in ws]
    assert [("a", 10.5, 11.0), ("b", 11.9, 12.0), ("c", 20.0, 20.1), ("d", 20.5, 21.0)] == [
        (text, pytest.approx(start), pytest.approx(end)) for text, start, end in placed
    ]


def test_pieces_of_one_span_become_one_segment() -> None:
    """In order, whatever the order they were recognised in; a span without words is none."""
    span, silent = Span(0.0, 30.0), Span(40.0, 41.0)
    early, late = Piece(0.0, 15.0, span), Piece(15.0, 30.0, span)
    found = [
        (Piece(40.0, 41.0, silent), []),
        (late, [Word("late", 20.0, 21.0)]),
        (early, [Word("early", 1.0, 2.0)]),
    ]
    (segment,) = segments(found)
    assert ["early", "late"] == [word.text for word in segment.words]


def test_three_hours_of_speech_are_never_in_memory_at_once(tmp_path: Path) -> None:
    """As numbers for a recogniser they would be 691 MB; a chunk of them is 2 MB."""
    audio = silence(tmp_path / "long.wav", HOURS * 3600)
    speech = [Span(0.0, HOURS * 3600.0)]
    heard = 0.0
    tracemalloc.start()
    with open_speech(audio) as source:
        for chunk in pack(cut(source, speech, shortest=20.0, longest=28.0), longest=28.0):
            heard += len(chunk.sound(source)) / RATE
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert HOURS * 3600 == pytest.approx(heard, abs=0.2)
    assert most < 12 * MEGABYTE
