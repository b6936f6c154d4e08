"""Pieces: they cover a track, and are made on several cores without a queue that grows."""

from __future__ import annotations

import threading

import pytest

from resources.mixer.pieces import AAC_FRAME, AT_ONCE, PIECE_FRAMES, STEP, each, pieces
from tests.support.patience import HANG_SECONDS


@pytest.mark.parametrize("frames", [1, PIECE_FRAMES, PIECE_FRAMES + 1, 3 * PIECE_FRAMES - 7])
def test_pieces_follow_each_other(frames: int) -> None:
    """From the first frame to the last, with nothing between."""
    found = pieces(frames)
    assert [0, *(piece.last for piece in found[:-1])] == [piece.first for piece in found]
    assert (frames, list(range(len(found)))) == (found[-1].last, [piece.number for piece in found])


def test_margins_stay_inside_the_track() -> None:
    """There is nothing before its start and after its end."""
    found = pieces(2 * PIECE_FRAMES)
    assert (0, 2 * PIECE_FRAMES) == (found[0].begin, found[-1].end)
    assert all(piece.begin <= piece.first and piece.last <= piece.end for piece in found)


def test_borders_are_those_of_packets_and_of_the_meter() -> None:
    """What is encoded and what is measured of pieces can be joined."""
    inner = pieces(4 * PIECE_FRAMES)[1:]
    assert {(0, 0, 0)} == {
        (piece.first % AAC_FRAME, piece.first % STEP, piece.begin % AAC_FRAME) for piece in inner
    }


def test_what_is_made_of_each_comes_in_order() -> None:
    """Whichever is done first: the first waits here for the second."""
    second = threading.Event()

    def make(number: int) -> int:
        if number == 0:
            second.wait(HANG_SECONDS)
        second.set()
        return 10 * number

    assert [0, 10, 20] == list(each(make, range(3)))


def test_only_a_few_are_begun_before_they_are_asked_for() -> None:
    """So that what is made does not pile up."""
    begun: list[int] = []
    made = each(begun.append, range(100))
    next(made)
    assert len(begun) <= 2 * AT_ONCE + 1
    made.close()  # type: ignore[attr-defined]
    assert len(begun) <= 2 * AT_ONCE + 1


def test_what_goes_wrong_with_one_is_raised() -> None:
    """As it is, in its turn."""
    made = each(lambda number: 1 // number, [1, 0, 1])
    assert 1 == next(made)
    with pytest.raises(ZeroDivisionError):
        next(made)
