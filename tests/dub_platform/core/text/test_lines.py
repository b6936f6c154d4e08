"""Lines: which words are spoken as one, and that none is lost on the way."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dub_platform.core.speech import Line, Segment, Span, Word
from dub_platform.core.text.lines import JOIN_SECONDS, LONGEST_SECONDS, regroup

WORD_SECONDS = 0.3
texts = st.sampled_from(["water", "cold.", "sea,", "I", "1984", "\u00bfqu\u00e9?", "wind\u2026"])
pauses = st.sampled_from([0.0, 0.1, 0.44, 0.45, 0.9, 1.0, 3.0])


@st.composite
def segments(draw: st.DrawFn) -> list[Segment]:
    """Segments in order, by up to three speakers, with every kind of pause in and between."""
    heard: list[Segment] = []
    time = 0.0
    for _ in range(draw(st.integers(1, 8))):
        words: list[Word] = []
        for text, pause in draw(st.lists(st.tuples(texts, pauses), min_size=1, max_size=60)):
            time += pause
            words.append(Word(text, time, time + WORD_SECONDS, 0.5))
            time += WORD_SECONDS
        heard.append(Segment(tuple(words), draw(st.sampled_from("123"))))
    return heard


@st.composite
def segments_with_speech(draw: st.DrawFn) -> tuple[list[Segment], list[Span]]:
    """Segments, and a voice found wherever some of their words are, without a pause in a word."""
    heard = draw(segments())
    words = [word for each in heard for word in each.words]
    parted = draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    runs: list[list[Word]] = []
    for word, begins in zip(words, parted, strict=True):
        runs.append([word]) if begins or not runs else runs[-1].append(word)
    return heard, [Span(run[0].start, run[-1].end) for run in runs]


def segment(text: str, *, start: float = 0.0, speaker: str = "1") -> Segment:
    """Words of 0.3 s each, one after the other; each `_` is half a second of silence."""
    words: list[Word] = []
    for token in text.split():
        if token == "_":
            start += 0.5
            continue
        words.append(Word(token, start, start + WORD_SECONDS))
        start += WORD_SECONDS
    return Segment(tuple(words), speaker)


def said(*heard: Segment) -> list[str]:
    """The texts of the lines."""
    return [line.text for line in regroup(heard)]


def bare(word: str) -> str:
    """The word without what regrouping may add to it or take from it."""
    return word.lower().rstrip(".,")


def seconds(line: Line) -> float:
    return round(line.seconds, 6)


@given(segments())
def test_every_word_is_in_a_line_once_and_in_order(heard: list[Segment]) -> None:
    """Regrouping moves borders and nothing else; marks it adds are no words."""
    words = [word.text for each in heard for word in each.words]
    lines = regroup(heard)
    kept = " ".join(line.text for line in lines).split()
    if any(word.endswith((".", "?", "\u2026")) for word in words):
        assert words == kept
    else:
        assert [bare(word) for word in words] == [bare(word) for word in kept]


@given(segments_with_speech())
def test_edges_of_speech_lose_no_word(heard: tuple[list[Segment], list[Span]]) -> None:
    """Wherever a voice was found, every word is in a line once, and each pause inside its line."""
    words = [word.text for each in heard[0] for word in each.words]
    lines = regroup(*heard)
    assert [bare(word) for word in words] == [
        bare(word) for line in lines for word in line.text.split()
    ]
    for line in lines:
        edges = [edge for pause in line.pauses for edge in (pause.start, pause.end)]
        assert sorted([line.start, *edges, line.end]) == [line.start, *edges, line.end]


@given(segments())
def test_lines_are_numbered_in_the_order_they_start(heard: list[Segment]) -> None:
    """From 0, and no line starts before the one before it has ended."""
    lines = regroup(heard)
    assert list(range(len(lines))) == [line.id for line in lines]
    assert all(a.end <= b.start for a, b in itertools.pairwise(lines))


@given(segments())
def test_no_line_is_longer_than_a_breath(heard: list[Segment]) -> None:
    """Twelve seconds are the most."""
    assert max(seconds(line) for line in regroup(heard)) <= LONGEST_SECONDS


@given(segments())
def test_no_line_crosses_speakers(heard: list[Segment]) -> None:
    """Each line's words are all by the speaker it names."""
    by_speaker = {
        speaker: [word.start for each in heard if each.speaker == speaker for word in each.words]
        for speaker in "123"
    }
    for line in regroup(heard):
        spoken = [start for start in by_speaker[line.speaker] if line.start <= start < line.end]
        assert len(line.text.split()) == len(spoken)


@given(segments())
def test_lines_are_joined_only_over_short_silences(heard: list[Segment]) -> None:
    """No line holds a pause in which the dub would talk into a silence."""
    words = [word for each in heard for word in each.words]
    for line in regroup(heard):
        inside = [word for word in words if line.start <= word.start < line.end]
        pauses = [b.start - a.end for a, b in itertools.pairwise(inside)]
        assert max(pauses, default=0.0) < JOIN_SECONDS


def test_a_sentence_is_a_line() -> None:
    """What ends in a full stop ends the line, whatever the segment."""
    assert ["The water is cold.", "The people love it."] == said(
        segment("The water is cold. The"), segment("people love it.", start=1.5)
    )


def test_a_pause_ends_a_line_without_punctuation() -> None:
    """A recogniser that writes no marks still gives phrases, each written as a sentence."""
    assert ["The water is cold.", "The people love it."] == said(
        segment("the water is cold _ the people love it")
    )


def test_an_edge_of_speech_ends_a_line_without_punctuation() -> None:
    """However short the pause that the detector heard."""
    heard = segment("the water is cold"), segment("the people love it", start=1.4)
    speech = [Span(0.0, 1.2), Span(1.4, 2.6)]
    assert ["The water is cold.", "The people love it."] == [
        line.text for line in regroup(heard, speech)
    ]


def test_a_pause_in_a_sentence_with_marks_is_noted_and_parts_nothing() -> None:
    """Its words say where it ends; silence at its edge is none of its pauses."""
    heard = segment("The water is"), segment("cold today.", start=1.2)
    speech = [Span(-2.0, -0.1), Span(0.0, 0.9), Span(1.2, 1.8), Span(2.4, 3.0)]
    (line,) = regroup(heard, speech)
    assert ("The water is cold today.", (Span(0.9, 1.2),)) == (line.text, line.pauses)


def test_a_short_piece_without_marks_joins_what_is_nearer_with_a_comma() -> None:
    """The voice stops there as the speaker did, and the pause is noted."""
    heard = segment("the water is cold"), segment("well", start=2.0), segment("we go in", start=2.5)
    speech = [Span(0.0, 1.2), Span(2.0, 2.3), Span(2.5, 3.4)]
    _, line = regroup(heard, speech)
    assert ("Well, we go in.", (Span(2.3, 2.5),)) == (line.text, line.pauses)


def test_a_short_word_joins_its_neighbour() -> None:
    """Too short to be spoken alone, a word goes with what is near."""
    assert ["Yes. The water is cold."] == said(segment("Yes. The water is cold."))


def test_a_short_word_far_from_all_stays_alone() -> None:
    """Over a second of silence nothing is joined."""
    assert ["Yes.", "The water is cold."] == said(segment("Yes. _ _ _ The water is cold."))


def test_a_long_sentence_parts_at_its_longest_pause() -> None:
    """Not in the middle, if the speaker breathed elsewhere."""
    first, second = "a " * 25, "b " * 30
    pause = segment(first).words[-1].end + 0.3
    (one, two) = regroup([segment(first), segment(second, start=pause)])
    assert (25, 30) == (len(one.text.split()), len(two.text.split()))


def test_a_long_sentence_without_pauses_parts_at_a_comma() -> None:
    """And at the comma that is nearest to the middle."""
    words = ["a"] * 60
    words[8], words[27], words[55] = "x,", "y,", "z,"
    lines = regroup([segment(" ".join(words))])
    assert ["y.", "a."] == [line.text.split()[-1] for line in lines]


def test_one_endless_word_is_kept_whole() -> None:
    """A word cannot be parted, however long it sounds."""
    (line,) = regroup([Segment((Word("aaaah", 1.0, 21.0),))])
    assert (1.0, 21.0, "Aaaah.") == (line.start, line.end, line.text)


@pytest.mark.parametrize("mark", ["\u266a", "-", "\u2026", "..."])
def test_a_mark_alone_is_not_spoken(mark: str) -> None:
    """Notes and dashes of captions are no words."""
    assert () == regroup([segment(mark)])


def test_silence_has_no_lines() -> None:
    """No segments, no lines."""
    assert () == regroup([])


def test_confidence_is_the_mean_of_the_words() -> None:
    """Each word counts once."""
    words = (Word("one", 0.0, 0.5, 0.9), Word("two", 0.5, 1.0, 0.6), Word("three", 1.0, 2.0, 0.3))
    (line,) = regroup([Segment(words)])
    assert pytest.approx(0.6) == line.confidence


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("你 好， 欢迎。", "你好，欢迎。"),
        ("今日 は 海 へ。", "今日は海へ。"),
        ("สวัสดี ครับ.", "สวัสดีครับ."),
        ("我 用 Whisper 听。", "我用 Whisper 听。"),
        ("오늘 바다로.", "오늘 바다로."),
    ],
)
def test_languages_without_spaces_get_none(words: str, text: str) -> None:
    """Recognisers give words or signs; a line is written as people write."""
    assert [text] == said(segment(words))


def test_a_line_with_a_doubtful_word_says_why() -> None:
    """The others say nothing."""
    words = segment("It was a very cold morning.").words
    doubtful = [replace(word, doubt="the recogniser is unsure of it") for word in words[:2]]
    later = segment("So we stayed in the house.", start=5.0)
    lines = regroup([Segment((*doubtful, *words[2:])), later])
    assert ["the recogniser is unsure of it", ""] == [line.doubt for line in lines]
