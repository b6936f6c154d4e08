"""Captions: what a viewer can read, and that a file says what was meant whatever the text."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dub_platform.core.text.captions import (
    APART_SECONDS,
    CHARACTERS,
    LONGEST_SECONDS,
    ROWS,
    SHORTEST_SECONDS,
    Cue,
    as_srt,
    as_vtt,
    make_cues,
)

texts = st.text(st.sampled_from("abcdefg \u00f1\u4f60.,-"), max_size=400)


@st.composite
def spoken(draw: st.DrawFn) -> list[tuple[float, float, str]]:
    """Lines one after the other, as long as their text takes to say."""
    lines: list[tuple[float, float, str]] = []
    time = 0.0
    for text in draw(st.lists(texts, max_size=10)):
        start = time + draw(st.floats(0.0, 3.0))
        time = start + 0.5 + len(text) * draw(st.floats(0.03, 0.2))
        lines.append((start, time, text))
    return lines


@given(spoken())
def test_a_cue_is_two_rows_that_fit_the_screen(lines: list[tuple[float, float, str]]) -> None:
    """At most two rows, none empty, none wider than 42 characters."""
    for cue in make_cues(lines):
        assert 1 <= len(cue.rows) <= ROWS
        assert all(1 <= len(row) <= CHARACTERS for row in cue.rows)


@given(spoken())
def test_every_word_is_shown(lines: list[tuple[float, float, str]]) -> None:
    """What was said is what is read, in the same order."""
    said = "".join("".join(text.split()) or "\u2026" for _, _, text in lines)
    shown = "".join("".join(row.split()) for cue in make_cues(lines) for row in cue.rows)
    assert said == shown


@given(spoken())
def test_cues_stand_apart(lines: list[tuple[float, float, str]]) -> None:
    """A cue ends two frames before the next one starts."""
    cues = make_cues(lines)
    assert all(b.start - a.end >= APART_SECONDS - 1e-9 for a, b in itertools.pairwise(cues))


@given(spoken())
def test_no_cue_lingers(lines: list[tuple[float, float, str]]) -> None:
    """Seven seconds are the most, and each is there for a moment at least."""
    assert all(0.1 <= round(cue.end - cue.start, 6) <= LONGEST_SECONDS for cue in make_cues(lines))


def test_a_short_line_stays_long_enough_to_read() -> None:
    """It ends after it was said where there is room for it."""
    (cue,) = make_cues([(2.0, 2.2, "Yes.")])
    assert pytest.approx(2.0 + SHORTEST_SECONDS) == cue.end


def test_the_parts_of_a_long_line_share_its_time_by_length() -> None:
    """Each cue comes when its words are said."""
    cues = make_cues([(10.0, 20.0, "a" * 42 + " " + "b" * 42 + " " + "c" * 42)])
    assert [10.0, 16.667] == [round(cue.start, 3) for cue in cues]


def test_cues_at_the_same_moment_each_last() -> None:
    """Crowded lines are still shown, for a tenth of a second."""
    first, second = make_cues([(1.0, 1.0, "one"), (1.0, 1.0, "two")])
    assert (1.1, 1.0 + SHORTEST_SECONDS) == (first.end, second.end)


def test_webvtt_is_written_to_the_letter() -> None:
    """Header, language, times with points, rows."""
    cues = [Cue(1.5, 3.25, ("Buenos d\u00edas,", "mundo.")), Cue(3599.9996, 3723.004, ("Fin",))]
    assert as_vtt(cues, "es") == (
        "WEBVTT\nLanguage: es\n\n"
        "00:00:01.500 --> 00:00:03.250\nBuenos d\u00edas,\nmundo.\n\n"
        "01:00:00.000 --> 01:02:03.004\nFin\n"
    )


def test_subrip_is_written_to_the_letter() -> None:
    """Numbers from 1, times with commas, rows."""
    cues = [Cue(1.5, 3.25, ("Buenos d\u00edas,", "mundo.")), Cue(4.0, 5.0, ("Fin",))]
    assert as_srt(cues) == (
        "1\n00:00:01,500 --> 00:00:03,250\nBuenos d\u00edas,\nmundo.\n\n"
        "2\n00:00:04,000 --> 00:00:05,000\nFin\n"
    )


def test_markup_in_webvtt_is_text() -> None:
    """Tags, arrows and ampersands are escaped."""
    (text,) = as_vtt([Cue(0.0, 1.0, ('<b>a</b> & --> "c"',))], "en").splitlines()[-1:]
    assert '&lt;b&gt;a&lt;/b&gt; &amp; --&gt; "c"' == text


def test_markup_in_subrip_is_replaced() -> None:
    """Tags, overrides and line ends of its players are shown by their look-alikes."""
    text = as_srt([Cue(0.0, 1.0, ("<b>a</b> {\\an8}\\N &",))]).splitlines()[-1]
    assert "‹b›a‹/b› ｛＼an8｝＼N &" == text


def test_no_text_can_end_its_cue() -> None:
    """A text with its own timing lines and blank lines stays one cue in both formats."""
    hostile = "one\n\n2\n00:00:09,000 --> 00:00:10,000\ntwo\n\nWEBVTT\n\nNOTE three"
    cues = make_cues([(1.0, 8.0, hostile)])
    assert len(cues) == as_srt(cues).count("-->") == as_vtt(cues, "en").count("-->")
    assert len(cues) - 1 == as_srt(cues).count("\n\n")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "00:00:01.000 --> 00:00:09.000 position:0% size:100% line:0",
        "<c.big><00:00:02.000>one</c> &lrm; <v Somebody>two</v> --> {\\an8}",
        "STYLE ::cue { background: url(https://evil.example/) } NOTE REGION id:x",
        "one --\u2028> two \x0b--> three \x85 four \r\n\r\nWEBVTT",
    ],
)
def test_nothing_in_a_line_is_obeyed_by_a_player(text: str) -> None:
    """No tag, no setting, no timing and no style sheet is left of it in either format."""
    cues = make_cues([(1.0, 8.0, text)])
    for written, header in ((as_vtt(cues, "en"), "WEBVTT\nLanguage: en"), (as_srt(cues), "")):
        blocks = written.removeprefix(header).strip("\n").split("\n\n")
        assert len(cues) == len(blocks)
        assert [] == [row for block in blocks for row in _text_of(block) if set("<>") & set(row)]


def test_no_lines_make_an_empty_file() -> None:
    """An empty WebVTT file has its header, an empty SubRip file nothing."""
    assert ((), "WEBVTT\nLanguage: es\n", "") == (make_cues([]), as_vtt([], "es"), as_srt([]))


def _text_of(block: str) -> list[str]:
    """The rows of a cue below its timing, however a player tells rows apart."""
    return block.partition(" --> ")[2].splitlines()[1:]
