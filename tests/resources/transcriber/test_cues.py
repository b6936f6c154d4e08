"""Files of captions as people really have them."""

from __future__ import annotations

import re
import time

import pytest

from resources.transcriber.cues import NotTextError, decode_text, read_cues

A = "Good morning, and welcome to our little town by the sea."
B = "The small boats leave this town before the sun comes up."
C = "The water is cold, but the people like to swim."
# What slows careless patterns down.
FILLINGS = (
    "<a",
    "<b",
    "<",
    "<v ",
    "<font ",
    "{",
    "{\\",
    "\n",
    "\r",
    "\n \n",
    " ",
    "\t",
    "1\n",
    "0:",
    "-->",
)


def read_texts(text: str) -> list[str]:
    """The rows of each cue, as one."""
    return [" ".join(cue.rows) for cue in read_cues(text)]


def srt(*texts: str, counted: bool = True) -> str:
    """Texts of four seconds each as SubRip."""
    return "\n".join(
        (f"{number}\n" if counted else "")
        + f"00:00:{4 * number:02},000 --> 00:00:{4 * number + 3:02},500\n{text}\n"
        for number, text in enumerate(texts, 1)
    )


def vtt(*texts: str) -> str:
    """Texts of four seconds each as WebVTT without names of cues."""
    return "WEBVTT\n\n" + srt(*texts, counted=False).replace(",000", ".000").replace(",500", ".500")


def rolling(*texts: str) -> str:
    """Two rows, the upper one the row before: what YouTube's automatic captions look like."""
    rows = [half for text in texts for half in _halves(text)]
    cues, before = [], " "
    for number, row in enumerate(rows):
        # A second for each row, and one of silence after each text.
        second = number + number // 2
        first, *rest = row.split()
        timed = first + "".join(f"<00:00:0{second}.500><c> {word}</c>" for word in rest)
        cues += [
            f"00:00:0{second}.000 --> 00:00:0{second}.990 align:start\n{before}\n{timed}\n",
            f"00:00:0{second}.990 --> 00:00:0{second + 1}.000 align:start\n{row}\n \n",
        ]
        before = row
    return "WEBVTT\nKind: captions\nLanguage: en\n\n" + "\n".join(cues)


def _halves(text: str) -> tuple[str, str]:
    words = text.split()
    half = len(words) // 2
    return " ".join(words[:half]), " ".join(words[half:])


@pytest.mark.parametrize(
    "text",
    [
        srt(A, B, C),
        srt(A, B, C, counted=False),
        srt(A, B, C).replace("\n\n", "\n"),
        srt(A, B, C).replace("\n", "\r\n"),
        srt(A, B, C).replace("\n", "\r\r\n"),
        srt(A, B, C).replace("\n", "\r"),
        srt(A, B, C).replace(",000", "").replace(",500", ""),
        srt(A, B, C).replace(" --> ", "-->").replace("00:00:0", "0:0:"),
        srt(A, B, C).replace("\n1\n", "\n\n\n1\n"),
        vtt(A, B, C),
        vtt(A, B, C).replace("00:00:", "00:"),
        vtt(A, B, C).replace("\n00:", "\nNOTE a comment\nof two rows\n\nname\n00:"),
        srt(A, B, C, counted=False)
        .replace(" --> ", ",")
        .replace(",000", ".0")
        .replace(",500", ".5"),
    ],
)
def test_each_way_to_write_them_is_read(text: str) -> None:
    """Counted or not, whatever ends a row, with or without parts of a second."""
    assert [A, B, C] == read_texts(text)


def test_times_are_in_seconds() -> None:
    """Hours are left out, or many; what begins before the film is negative."""
    text = (
        "00:01.5 --> 00:02.25\na\n\n101:00:00,1 --> 101:00:01\nb\n\n-00:00:01,0 --> 00:00:01,5\nc\n"
    )
    assert [(1.5, 2.25), (363600.1, 363601.0), (-1.0, 1.5)] == [
        (cue.start, cue.end) for cue in read_cues(text)
    ]


@pytest.mark.parametrize("blank", ["\n\n", "\n \n", "\n\n\n"])
def test_an_empty_row_ends_no_cue_of_subrip(blank: str) -> None:
    """What follows it is said as well."""
    assert ["Good morning, and welcome to our town.", B] == read_texts(
        srt(f"Good morning, and welcome{blank}to our town.", B)
    )


@pytest.mark.parametrize(
    "text",
    [
        vtt("It began in\n1984", B, "They swim since\n1999"),
        srt("It began in\n1984", B, "They swim since\n1999"),
        srt("It began in\n1984", B, "They swim since\n1999", counted=False),
    ],
)
def test_a_number_in_the_last_row_is_said(text: str) -> None:
    """It is no counter of the next cue."""
    assert ["It began in 1984", B, "They swim since 1999"] == read_texts(text)


@pytest.mark.parametrize("number", [1, 7, 900])
def test_counters_are_not_said(number: int) -> None:
    """Wherever a file begins to count, and where cues were cut out of it."""
    text = re.sub(
        r"(?m)^(\d)$",
        lambda row: str([number, number + 1, number + 9][int(row[1]) - 1]),
        srt(A, B, C),
    )
    assert [A, B, C] == read_texts(text)


def test_each_word_of_captions_that_roll_up_is_said_once() -> None:
    """A row is shown three times: as it comes, by itself, and above the next."""
    assert " ".join((A, B, C)) == " ".join(read_texts(rolling(A, B, C)))


def test_each_letter_of_a_title_that_is_written_is_said_once() -> None:
    """A cue for each letter is one title."""
    steps = "\n".join(
        f"00:00:01,{n}00 --> 00:00:01,{n + 1}00\n{'Harbor'[: n + 1]}\n" for n in range(6)
    )
    assert ["Harbor", "And more."] == read_texts(
        f"{steps}\n00:00:05,000 --> 00:00:06,000\nAnd more.\n"
    )


@pytest.mark.parametrize("text", ["", "1", "WEBVTT", "no captions\nat all", "[Script Info]\n"])
def test_what_is_no_captions_has_no_cues(text: str) -> None:
    """Other formats are for other readers."""
    assert [] == read_cues(text)


def test_a_sentence_that_is_said_again_and_again_is_said_each_time() -> None:
    """A refrain is no caption that rolls up."""
    assert [A] * 5 == read_texts(srt(*[A] * 5))


def test_what_somebody_says_twice_is_said_twice() -> None:
    """Cues that are the same by chance are no captions that roll up."""
    assert ["No.", "No. I will not.", B, B] == read_texts(srt("No.", "No. I will not.", B, B))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_read_whatever_its_mark(encoding: str) -> None:
    """Some programs write two bytes for each letter."""
    mark = "\ufeff" if encoding[-3:] in ("-le", "-be") else ""
    assert srt(A) == decode_text((mark + srt(A)).encode(encoding))


@pytest.mark.parametrize("data", ["Das Café öffnet früh.".encode("cp1252"), b"a\0b", b"\xff\xfe\0"])
def test_what_is_no_unicode_is_not_guessed(data: bytes) -> None:
    """A wrong code page would be spoken."""
    with pytest.raises(NotTextError):
        decode_text(data)


@pytest.mark.parametrize("filling", FILLINGS)
@pytest.mark.parametrize("head", ["", "WEBVTT\n\n"])
def test_no_text_takes_more_than_linear_time(head: str, filling: str) -> None:
    """Ten times the text takes about ten times as long, and by no means a hundred times."""

    def seconds(size: int) -> float:
        text = head + srt(A) + "x" + filling * (size // len(filling)) + "\nx\n"
        began = time.process_time()
        read_cues(text)
        return time.process_time() - began

    few = max(0.002, min(seconds(100_000) for _ in range(3)))
    assert seconds(1_000_000) < 40 * few
