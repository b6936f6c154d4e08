"""Captions as people write them, and as nobody should."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dub_platform.core.languages import AUTO
from dub_platform.core.speech import Heard, Span
from resources.transcriber.captions import fit_captions, read_captions

SPEECH = (Span(1.0, 4.0), Span(6.0, 9.0))
SRT = """1
00:00:01,000 --> 00:00:04,000
<i>Good morning</i>, and
welcome to the harbor.

2
00:00:06,000 --> 00:00:09,000
- Follow me, please.
"""
VTT = """WEBVTT - a header

STYLE
::cue { color: red }

first
00:01.000 --> 00:04.000 align:start position:0%
<v Anna>Good <c.loud>morning</c>, and
welcome <00:00:03.000><00:00:03.500>to the harbor.

NOTE this was said by the sea

second
00:06.000 --> 00:09.000
>> Follow&nbsp;me, please.
"""
SPANISH = "Mi padre era pescador y me enseñó a leer el viento en el mar cada mañana."
GALICIAN = "O meu pai era pescador e aprendeume a ler o vento no mar cada mañá cedo."
SAID = ["Good morning, and welcome to the harbor.", "Follow me, please."]


def texts(heard: Heard) -> list[str]:
    """Each segment's words as a sentence."""
    return [" ".join(word.text for word in segment.words) for segment in heard.segments]


def read(folder: Path, content: str | bytes) -> Heard:
    """The captions in a file of this content."""
    path = folder / "video.srt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_captions(path, "en")


def fit(heard: Heard, speech: Sequence[Span]) -> tuple[bool, str]:
    """Whether the captions are used for this speech, and why."""
    answer = fit_captions(heard, speech)
    return bool(answer.segments), answer.why


def long_srt(*cues: tuple[float, float, str]) -> str:
    """An .srt file of (start, end, text) cues, of more than a minute."""
    return "\n".join(f"{_clock(start)} --> {_clock(end)}\n{text}\n" for start, end, text in cues)


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02},{thousandths:03}"


def srt(*cues: tuple[float, float, str]) -> str:
    """An .srt file of (start, end, text) cues."""
    return "\n".join(
        f"{number}\n00:00:{start:06.3f} --> 00:00:{end:06.3f}\n{text}\n".replace(".", ",", 2)
        for number, (start, end, text) in enumerate(cues, 1)
    )


@pytest.mark.parametrize(
    "content", [SRT, VTT, SRT.replace("\n", "\r\n")], ids=["srt", "vtt", "dos"]
)
def test_words_come_without_markup_names_and_comments(tmp_path: Path, content: str) -> None:
    """Either format gives what was said, and nothing of how it was written."""
    assert SAID == texts(read(tmp_path, content))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_files_are_read_whatever_their_mark(tmp_path: Path, encoding: str) -> None:
    """UTF-8 with and without a mark, and UTF-16, are the same captions."""
    content = srt((1, 4, "Das Café öffnet früh.")).encode(encoding)
    assert ["Das Café öffnet früh."] == texts(read(tmp_path, content))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[Music]", []),
        ("(door slams)", []),
        ("♪ ♪", []),
        ("- [laughs] Hello there.", ["Hello there."]),
        ("(softly) Hello there.", ["Hello there."]),
        ("DR. JONES: Hello there.", ["Hello there."]),
        ("{\\an8}Hello there.", ["Hello there."]),
        ("Come (if you can) at nine: I'll wait.", ["Come (if you can) at nine: I'll wait."]),
        ("He wrote &lt;b&gt; &amp; left.", ["He wrote <b> left."]),
        ("- Who is it?\n- Me.", ["Who is it? Me."]),
    ],
)
def test_only_what_is_spoken_is_heard(tmp_path: Path, written: str, said: Sequence[str]) -> None:
    """Sounds and speakers' names go, words in passing stay."""
    assert said == texts(read(tmp_path, srt((1, 4, written))))


def test_a_cues_time_is_spread_over_its_words_by_length(tmp_path: Path) -> None:
    """Words follow one another without gaps, from the cue's start to its end."""
    (segment,) = read(tmp_path, srt((1, 4, "no one understands"))).segments
    first, second, third = segment.words
    assert (1.0, 4.0) == (first.start, third.end)
    assert (first.end, second.end) == (second.start, third.start)
    assert 12 / 3 == pytest.approx((third.end - third.start) / (first.end - first.start))


def test_cues_do_not_overlap_whatever_their_order(tmp_path: Path) -> None:
    """A cue ends where the next starts; two that start together are one."""
    heard = read(tmp_path, srt((5, 9, "last"), (1, 6, "first"), (1.05, 3, "together")))
    assert ["first together", "last"] == texts(heard)
    assert [(1.0, 5.0), (5.0, 9.0)] == [
        (segment.words[0].start, segment.words[-1].end) for segment in heard.segments
    ]


def test_captions_that_fit_the_speech_are_good(tmp_path: Path) -> None:
    """The reason says how much of the speech they cover."""
    assert (
        True,
        "The captions that came with the video cover 100% of its speech.",
    ) == fit(read(tmp_path, SRT), SPEECH)


@pytest.mark.parametrize(
    ("cues", "reason"),
    [
        ([(1, 4, "half")], "they cover only 50% of the speech"),
        ([(3.5, 6.5, "shifted"), (8.5, 11.5, "both")], "they cover only 25% of the speech"),
        ([(0, 20, "all of it and more")], "only 30% of their time lies on speech"),
        ([(1, 4, "[Music]")], "there are no words in them"),
        ([], "there are no words in them"),
    ],
)
def test_captions_that_do_not_fit_are_refused(
    tmp_path: Path, cues: list[tuple[float, float, str]], reason: str
) -> None:
    """Too few, shifted, or of another cut: the reason is said."""
    good, why = fit(read(tmp_path, srt(*cues)), SPEECH)
    assert not good
    assert f"The captions that came with the video were not used, because {reason}." == why


def test_captions_in_another_language_are_refused(tmp_path: Path) -> None:
    """A translation beside the video is not what is said in it."""
    good, why = fit(read(tmp_path, srt((1, 4, SPANISH), (6, 9, SPANISH))), SPEECH)
    assert not good
    assert "they are in Spanish and not in English" in why


@pytest.mark.parametrize("text", ["Hola, buenos días.", "Anna Maria, Berlin, Paris, Rome"])
def test_a_few_words_do_not_tell_their_language(tmp_path: Path, text: str) -> None:
    """Names and greetings are said in any."""
    assert fit(read(tmp_path, srt((1, 4, text), (6, 9, text))), SPEECH)[0]


def test_languages_that_are_near_are_not_told_apart(tmp_path: Path) -> None:
    """Whoever says that a video is in Spanish may hand in Galician captions, and knows why."""
    path = tmp_path / "video.srt"
    path.write_text(srt((1, 4, GALICIAN), (6, 9, GALICIAN)))
    assert fit(read_captions(path, "es"), SPEECH)[0]


def test_captions_tell_the_language_that_was_not_named(tmp_path: Path) -> None:
    """If there is enough of them to tell; else they are of no use."""
    path = tmp_path / "video.srt"
    path.write_text(srt((1, 4, SPANISH), (6, 9, SPANISH)))
    assert "es" == read_captions(path, AUTO).language
    path.write_text(srt((1, 4, "Madrid"), (6, 9, "Barcelona")))
    good, why = fit(read_captions(path, AUTO), SPEECH)
    assert not good
    assert "their language was not named and cannot be told" in why


@pytest.mark.parametrize(("shift", "way"), [(1.2, "1.2 s late"), (-1.0, "1.0 s early")])
def test_captions_that_are_shifted_a_little_are_refused(
    tmp_path: Path, shift: float, way: str
) -> None:
    """They cover most of the speech, but would cover more of it elsewhere."""
    speech = [Span(start, start + 4.0) for start in (2.0, 8.0, 15.0, 21.0, 30.0)]
    cues = [(span.start + shift, span.end + shift, "A line of the film.") for span in speech]
    good, why = fit(read(tmp_path, srt(*cues)), speech)
    assert not good
    assert f"they are about {way}" in why


def make_speech(count: int) -> list[Span]:
    """Sentences of two to three seconds, none as long as another, a second or so apart."""
    chance, at, spans = random.Random(5), 2.0, []
    for _ in range(count):
        spans.append(Span(at, at + chance.uniform(2.0, 3.2)))
        at = spans[-1].end + chance.uniform(0.6, 1.4)
    return spans


@pytest.mark.parametrize("factor", [25 / 23.976, 23.976 / 25, 24 / 25, 25 / 24])
def test_captions_for_another_rate_of_pictures_are_put_right(tmp_path: Path, factor: float) -> None:
    """Each line begins where its speaker does, in the last minutes too, and it is said."""
    speech = make_speech(150)
    cues = [((s.start - 0.1) * factor, (s.end + 0.2) * factor, "A line of it.") for s in speech]
    answer = fit_captions(read(tmp_path, long_srt(*cues)), speech)
    late = [
        segment.words[0].start - span.start
        for segment, span in zip(answer.segments, speech, strict=True)
    ]
    assert max(map(abs, late)) < 0.2
    assert f"are taken {1 / factor:.4f} times" in answer.why


def test_captions_for_the_films_own_rate_are_left_as_they_are(tmp_path: Path) -> None:
    """As are those that are not exact, but that a line begins where a voice does near it."""
    chance, speech = random.Random(6), make_speech(150)
    cues = [
        (span.start - chance.uniform(0, 0.6), span.end + 0.3, "A line of it.") for span in speech
    ]
    shown = read(tmp_path, long_srt(*cues))
    answer = fit_captions(shown, speech)
    begin = [each.words[0].start for each in answer.segments]
    late = [start - cue.words[0].start for cue, start in zip(shown.segments, begin, strict=True)]
    moved = [start for start, each in zip(begin, late, strict=True) if each > 0.001]
    assert len(moved) > 100
    assert {round(start, 3) for start in moved} <= {round(span.start, 3) for span in speech}
    assert all(
        -0.001 <= start - shown <= 0.5 for (shown, *_), start in zip(cues, begin, strict=True)
    )
    ends = [[each.words[-1].end for each in heard.segments] for heard in (shown, answer)]
    assert pytest.approx(ends[0]) == ends[1]


def test_a_cue_that_is_shown_sooner_begins_with_the_voice(tmp_path: Path) -> None:
    """Its words lie between there and its end; one in the midst of speech stays as it is."""
    speech = [Span(1.0, 6.0), Span(8.0, 10.0)]
    cues = [(0.7, 3.0, "One two three."), (3.1, 6.2, "Four five."), (8.2, 10.1, "Six seven.")]
    words = [
        word
        for each in fit_captions(read(tmp_path, long_srt(*cues)), speech).segments
        for word in each.words
    ]
    starts = {word.text: word.start for word in words}
    assert pytest.approx((1.0, 3.1, 8.0)) == (starts["One"], starts["Four"], starts["Six"])
    assert all(one.end <= other.start + 1e-9 for one, other in itertools.pairwise(words))


def test_what_is_shown_where_nobody_speaks_is_not_said(tmp_path: Path) -> None:
    """Such as an advertisement before the first line, and one after the film."""
    speech = make_speech(12)
    spoken = [(span.start - 0.1, span.end + 0.2, "A line of it.") for span in speech]
    after = speech[-1].end + 2
    answer = fit_captions(
        read(
            tmp_path,
            long_srt((0.0, 1.4, "Look at us."), *spoken, (after, after + 6, "And at us again.")),
        ),
        speech,
    )
    assert ["A line of it."] * 12 == texts(answer)
    assert "Of their cues 2 are shown where nobody speaks and were left out." in answer.why


def test_captions_shown_a_little_early_and_long_are_good(tmp_path: Path) -> None:
    """As people make them: there before the words, and there until they are read."""
    speech = [Span(start, start + 4.0) for start in (2.0, 8.0, 15.0, 21.0, 30.0)]
    cues = [(span.start - 0.4, span.end + 0.8, "A line of the film.") for span in speech]
    assert fit(read(tmp_path, srt(*cues)), speech)[0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "there are no words in them"),
        (random.Random(1).randbytes(4096), "they are not"),
        ("Das Café öffnet früh.".encode("cp1252"), "they are not text in UTF-8 or UTF-16"),
        (b"\xff\xfe\x00", "they are not text in UTF-8 or UTF-16"),
        (SRT.replace("Good", "Go\0od").encode(), "they are not text"),
        (b"00:00:01,000 --> 00:00:04,000\n" + b"a" * 5_000_000, "they are larger than 5 MB"),
        (b"<html><body>404 Not Found</body></html>", "there are no words in them"),
        (b"00:00:04,000 --> 00:00:01,000\nbackwards", "there are no words in them"),
    ],
)
def test_a_file_that_is_no_captions_is_not_used(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """It is never an exception, always a reason."""
    good, why = fit(read(tmp_path, content), SPEECH)
    assert not good
    assert reason in why


def test_a_missing_file_is_not_used(tmp_path: Path) -> None:
    """Nor is a folder: both cannot be read."""
    for path in (tmp_path / "missing.srt", tmp_path):
        assert (
            False,
            "The captions that came with the video were not used, because they cannot be read.",
        ) == fit(read_captions(path, "en"), SPEECH)


@pytest.mark.parametrize(
    "filling",
    [
        "<a",
        "<",
        "\n",
        "\n \n",
        " ",
        "1\n",
        "[",
        "(",
        "{\\",
        "&lt;",
        "- ",
        "A",
        "A \n(",
        "00:",
        "♪\n",
    ],
)
def test_no_text_takes_more_than_linear_time(tmp_path: Path, filling: str) -> None:
    """A megabyte of what slows careless patterns down takes a second or two, not hours."""
    times = "00:00:01,000 --> 00:00:04,000\n"
    content = times + "x" + filling * (1_000_000 // len(filling.encode())) + "\nx\n"
    before = time.process_time()
    read(tmp_path, content)
    assert time.process_time() - before < 10.0


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers())
def test_damaged_captions_are_decided_on_without_an_exception(tmp_path: Path, seed: int) -> None:
    """Whatever is cut out, doubled or swapped, words stay in order and inside their cues."""
    chance = random.Random(seed)
    parts = [*(SRT + VTT), *"<>[]{}-&;:,.0123456789\n\\N\u2028\u0661\ud7ff"]
    content = "".join(chance.sample(parts, chance.randint(0, len(parts))))
    whole = SRT[: chance.randint(0, len(SRT))] + content + VTT[chance.randint(0, len(VTT)) :]
    heard = read(tmp_path, whole)
    _, why = fit(heard, SPEECH)
    words = [word for segment in heard.segments for word in segment.words]
    times = [time for word in words for time in (word.start, word.end)]
    assert sorted(times) == times
    assert why.endswith(".")
