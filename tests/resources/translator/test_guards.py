"""What small translation models damage: kept from them, and put back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from resources.translator.guards import rewrite_numbers, translate_guarded

Model = Callable[[Sequence[str]], Sequence[str]]


class Asked:
    """A model that answers in words of its own, with a record of what it was sent."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.answer = answer
        self.sent: list[str] = []

    def __call__(self, texts: Sequence[str]) -> Sequence[str]:
        self.sent += texts
        return [self.answer(text) for text in texts]


def same(text: str) -> str:
    """What a model that knows everything answers, in a language like this one."""
    return text


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("<i>The house</i>", ["The house"]),
        ("♪ la la ♪", ["la la"]),
        ("Write to bob@example.org now.", ["Write to Zxq now."]),
        ("See https://example.org/a?b=1.", ["See Zxq."]),
        ("Hello {{name}}, and {{other}}.", ["Hello Zxq, and Zxv."]),
        ("He said 日本語 and left.", ["He said Zxq and left."]),
        ("Nguyễn Văn An came home.", ["Zxq came home."]),
        ("a [b] c", ["a Zxq c"]),
    ],
)
def test_what_is_not_for_translating_does_not_reach_the_model(text: str, sent: list[str]) -> None:
    """And comes out as it went in, where it stood."""
    model = Asked(same)
    assert text == translate_guarded(text, "en", model)
    assert sent == model.sent


@pytest.mark.parametrize("text", ["", "...", "日本語", "Привет", "😀", "12:30", "[b] {c} /e <h>"])
def test_a_line_without_words_of_its_language_is_left_alone(text: str) -> None:
    """A model would make something of it."""
    model = Asked(lambda _: "A casa.")
    assert text == translate_guarded(text, "en", model)
    assert [] == model.sent


@pytest.mark.parametrize(
    ("source", "text"),
    [("ru", "Привет, дом"), ("ja", "家です"), ("ar", "مرحبا"), ("hi", "नमस्ते जी")],
)
def test_a_languages_own_letters_are_words(source: str, text: str) -> None:
    """Whatever its script."""
    model = Asked(lambda _: "Hello.")
    assert "Hello" == translate_guarded(text, source, model)
    assert [text] == model.sent


def test_capitals_are_taken_away_and_given_back() -> None:
    """A model does not know words in capitals; an abbreviation is none of them."""
    model = Asked(lambda text: {"Stop the car": "Pare o carro"}.get(text, text))
    assert "PARE O CARRO" == translate_guarded("STOP THE CAR", "en", model)
    assert "NASA" == translate_guarded("NASA", "en", model)
    assert ["Stop the car", "NASA"] == model.sent


def test_digits_that_a_model_drops_are_kept_from_it() -> None:
    """The second time they go as a word that it leaves alone."""
    model = Asked(lambda text: text.replace("$1,299.99", "$1299"))
    assert "It cost $1,299.99 then" == translate_guarded("It cost $1,299.99 then", "en", model)
    assert ["It cost $1,299.99 then", "It cost Zxq then"] == model.sent


def test_what_a_model_does_not_leave_alone_is_put_between_pieces() -> None:
    """Then the words around it are translated each by themselves."""
    model = Asked(lambda text: text.replace("Zxq", "").replace("to", "para"))
    said = translate_guarded("Write to bob@example.org for 3 days", "en", model)
    assert "Write para bob@example.org for 3 days" == said


@pytest.mark.parametrize(
    ("text", "written", "language"),
    [
        ("It cost $1,299.99.", "It cost $1.299,99.", "pt"),
        ("It is 3.50, not 3.5", "It is 3,50, not 3,5", "es"),
        ("It is 1,000,000", "It is 1.000.000", "de"),
        ("v1.2.3 on 10.0.0.1 at 6.30pm, 03/04.5", "v1.2.3 on 10.0.0.1 at 6.30pm, 03/04.5", "pt"),
        ("It is 1,299.99", "It is 1,299.99", "xx"),
        ("It is 12,34", "It is 12,34", "pt"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(
    text: str, written: str, language: str
) -> None:
    """A voice would read another number else; what is none is left alone."""
    assert written == rewrite_numbers(text, text, "en", language)


@pytest.mark.parametrize(
    ("text", "answer", "said"),
    [
        ("Hello", "Olá (em inglês)", "Olá"),
        ("Hello", "Olá [risos]", "Olá"),
        ("Hello (there)", "Olá (aí)", "Olá (aí)"),
    ],
)
def test_brackets_that_nobody_said_are_dropped(text: str, answer: str, said: str) -> None:
    """Models explain themselves in them."""
    assert said == translate_guarded(text, "en", Asked(lambda _: answer))


def test_sentences_go_one_by_one_and_long_ones_in_clauses() -> None:
    """What is too long comes back shorter; titles end no sentence, and no word is lost."""
    model = Asked(same)
    text = f"Dr. Smith came. {'He saw the sea, and ' * 40}left. Why? He knew."
    assert text == translate_guarded(text, "en", model)
    assert ["Dr. Smith came.", "Why?", "He knew."] == [model.sent[0], *model.sent[-2:]]
    assert max(len(each.split()) for each in model.sent) <= 60
    assert 60 < len(text.split()) == sum(len(each.split()) for each in model.sent)


def test_an_empty_answer_is_no_translation() -> None:
    """A line that says nothing could not be spoken."""
    assert "Hello there" == translate_guarded("Hello there", "en", Asked(lambda _: " "))


def test_control_characters_reach_nobody() -> None:
    """Nor broken Unicode."""
    model = Asked(same)
    assert "a b c" == translate_guarded("a\0b\n\ud800c", "en", model)
