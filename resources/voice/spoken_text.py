"""Dates, money and measures in the words of a language, for voices that read what stands there.

    spell_out("It cost $5.50 for 3 km/h on 2024-03-05.", "en")
    # "It cost 5.50 dollars for 3 kilometers per hour on March 5, 2024."

The words are Unicode's (CLDR), of every language that it knows, through Babel. Numbers stay digits:
eSpeak NG reads those, and clock times and percentages, in each of its languages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

_NUMBER = r"\d(?:[\d.,\u00a0\u202f' ]*\d)?"
# "$5 million": the currency comes after both.
_LARGE = r"(?:\s(?:mil|mill|bill|milh|bilh|trill|mln|mld|Mio|Mrd|млн|млрд|тыс)\w*\.?)?"
_SIGNS: Mapping[str, str] = {
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "₽": "RUB",
    "₩": "KRW",
    "₺": "TRY",
    "₴": "UAH",
    "R$": "BRL",
    "US$": "USD",
    "$": "USD",
}
# Others of the same kind: what their names share is what people say, as "dollars".
_ALIKE: Mapping[str, tuple[str, ...]] = {
    "USD": ("CAD", "AUD"),
    "GBP": ("EGP",),
    "INR": ("PKR",),
    "RUB": ("BYN",),
    "KRW": ("KPW",),
}
_SIGN = "|".join(map(re.escape, sorted(_SIGNS, key=len, reverse=True)))
_UNITS: Mapping[str, str] = {
    "km/h": "kilometer-per-hour",
    "mph": "mile-per-hour",
    "m/s": "meter-per-second",
    "km²": "square-kilometer",
    "m²": "square-meter",
    "m³": "cubic-meter",
    "km": "kilometer",
    "cm": "centimeter",
    "mm": "millimeter",
    "kg": "kilogram",
    "mg": "milligram",
    "ml": "milliliter",
    "kWh": "kilowatt-hour",
    "kW": "kilowatt",
    "MW": "megawatt",
    "GHz": "gigahertz",
    "MHz": "megahertz",
    "kHz": "kilohertz",
    "Hz": "hertz",
    "TB": "terabyte",
    "GB": "gigabyte",
    "MB": "megabyte",
    "kB": "kilobyte",
    "°C": "celsius",
    "°F": "fahrenheit",
    "°": "degree",
}
_UNIT = "|".join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))
_WRITTEN = (
    (re.compile(rf"(?<!\w)(?P<sign>{_SIGN})\s?(?P<number>{_NUMBER}{_LARGE})(?!\w)"), "money"),
    (re.compile(rf"(?<![\w.,])(?P<number>{_NUMBER}{_LARGE})\s?(?P<sign>{_SIGN})(?!\w)"), "money"),
    (re.compile(rf"(?<![\w.,])(?P<number>{_NUMBER})\s?(?P<unit>{_UNIT})(?![\w/²³])"), "measure"),
    (re.compile(r"(?<![\w.-])(?P<date>\d{4}-\d{2}-\d{2})(?![\w-])"), "date"),
    (re.compile(r"(?<![\w./-])(?P<date>\d{1,2}([./])\d{1,2}\2\d{4})(?![\w/-])"), "date"),
)
_ISO_LENGTH = 10


@lru_cache(maxsize=1024)
def spell_out(text: str, language: str) -> str:
    """Return the text with its dates, sums of money and measures in words; as it is where CLDR does
    not know the language."""
    from babel import Locale, UnknownLocaleError

    if not any(map(str.isdigit, text)):
        return text
    try:
        locale = Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return text
    for pattern, kind in _WRITTEN:
        text = pattern.sub(_in_words(kind, locale), text)
    return text


def _in_words(kind: str, locale: Any) -> Callable[[re.Match[str]], str]:
    say = {"money": _say_money, "measure": _say_measure, "date": _say_date}[kind]

    def write(found: re.Match[str]) -> str:
        try:
            return say(found, locale)
        except (ValueError, LookupError, ArithmeticError):
            # What no number or day of the language is stays as somebody wrote it.
            return found[0]

    return write


def _say_money(found: re.Match[str], locale: Any) -> str:
    number, code = found["number"], _SIGNS[found["sign"]]
    value = _value(number, locale)
    words = _name(code, value, locale).split()
    alike = [_name(other, value, locale).split() for other in _ALIKE.get(code, ())]
    said = [word for word in words if all(word in other for other in alike)]
    return f"{number} {' '.join(said or words)}"


def _say_measure(found: re.Match[str], locale: Any) -> str:
    from babel.units import format_unit

    value = _value(found["number"], locale)
    return format_unit(value, _UNITS[found["unit"]], "long", "#,##0.######", locale=locale)


def _say_date(found: re.Match[str], locale: Any) -> str:
    from datetime import date

    from babel.dates import format_date, parse_date

    text = found["date"]
    is_iso = len(text) == _ISO_LENGTH and text[4] == "-"
    day = date.fromisoformat(text) if is_iso else parse_date(text, locale=locale)
    return format_date(day, "long", locale=locale)


def _name(code: str, value: Decimal, locale: Any) -> str:
    from babel.numbers import get_currency_name

    return get_currency_name(code, value, locale)


def _value(number: str, locale: Any) -> Decimal:
    """Return the number, by which a language chooses between its plurals."""
    from babel.numbers import parse_decimal

    digits = re.match(_NUMBER, number)
    return parse_decimal(digits[0] if digits else number, locale=locale)
