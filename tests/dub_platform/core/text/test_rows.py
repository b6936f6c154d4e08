"""Rows of text: they fit, lose nothing, and part no letter from its marks."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dub_platform.core.text.rows import width, wrap

JAPANESE = "港の人々は、海が好きです。「行こう」と彼は言いました。"
CHINESE = "这里的人们热爱大海，他们每天早上去捕鱼。OpenAI 在 2024 年发布了新产品。"
THAI = "ผู้คนที่นี่รักทะเลและพวกเขาออกไปจับปลาทุกเช้าก่อนพระอาทิตย์ขึ้นเสมอ"
KOREAN = "사람들은 바다를 사랑하고 매일 아침 해가 뜨기 전에 물고기를 잡으러 나갑니다."
ARABIC = "الناس هنا يحبون البحر ويخرجون للصيد كل صباح قبل شروق الشمس دائما وأبدا"
HEBREW = "האנשים כאן אוהבים את הים ויוצאים לדוג בכל בוקר לפני הזריחה."
PERSIAN = "مردم اینجا دریا را دوست دارند و می‌روند ماهی بگیرند."


@pytest.mark.parametrize("text", [JAPANESE, CHINESE, THAI, KOREAN, ARABIC, HEBREW, PERSIAN])
@pytest.mark.parametrize("columns", [8, 21, 42])
def test_rows_fit_and_nothing_is_lost(text: str, columns: int) -> None:
    """In every script, with or without spaces between words."""
    rows = wrap(text, columns)
    assert text.replace(" ", "") == "".join(rows).replace(" ", "")
    assert all(0 < width(row) <= columns for row in rows)


@pytest.mark.parametrize("text", [JAPANESE, CHINESE, THAI])
def test_no_row_begins_with_what_belongs_to_the_one_before(text: str) -> None:
    """Neither with a full stop or a bracket that closes, nor with a mark or a vowel's sign."""
    for row in wrap(text, 14)[1:]:
        assert row[0] not in "、。，」ๅะาำ"
        assert unicodedata.category(row[0]) != "Mn"
    assert not any(row.endswith(("「", "เ", "แ", "ไ")) for row in wrap(text, 14))


def test_letters_of_chinese_fill_two_columns() -> None:
    """So that a row of them is as wide as one of forty-two Latin letters, and no wider."""
    assert 21 == len(wrap("海" * 30, 42)[0])


def test_words_with_spaces_stay_whole() -> None:
    """Also Latin ones among Chinese."""
    assert ["人们用", "OpenAI", "公司"] == wrap("人们用 OpenAI 公司", 8)
    assert all(set(row.split()) <= set(ARABIC.split()) for row in wrap(ARABIC, 20))


@given(st.text(max_size=200), st.integers(4, 50))
def test_whatever_the_text_it_is_all_there(text: str, columns: int) -> None:
    """And no row is empty."""
    text = " ".join(text.split())
    rows = wrap(text, columns)
    assert "".join(text.split()) == "".join("".join(row.split()) for row in rows)
    assert all(rows)
