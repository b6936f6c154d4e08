"""The wording: what is said by a channel, by a request, and by nobody."""

from __future__ import annotations

import pytest

from dub_platform.core.style.glossary import Glossary
from dub_platform.core.style.wording import AS_BEFORE, Wording

HARBOR = Glossary.parse({"harbor": {"es": "puerto", "ca": "port"}})
BAY = Glossary.parse({"harbor": {"es": "bahía"}})
KEPT = Glossary.parse({"Acme": None})


@pytest.mark.parametrize(
    ("wording", "is_binding"),
    [
        (AS_BEFORE, False),
        (Wording(Glossary(), "neutral"), False),
        (Wording(KEPT), True),
        (Wording(formality="formal"), True),
        (Wording(formality="informal"), True),
    ],
)
def test_only_what_asks_something_of_a_translator_binds_it(
    wording: Wording, is_binding: bool
) -> None:
    """An empty glossary and the formality of the original are heeded by any."""
    assert is_binding == wording.is_binding


def test_a_request_decides_over_its_channel() -> None:
    """Word by word, and in formality where it says any."""
    channel = Wording(HARBOR | KEPT, "formal")
    assert Wording(BAY | KEPT, "formal") == channel | Wording(BAY)
    assert Wording(HARBOR | KEPT, "informal") == channel | Wording(formality="informal")
    assert Wording(Glossary(), None) == AS_BEFORE | AS_BEFORE


def test_a_request_replaces_what_one_before_it_said() -> None:
    """All of the glossary if it has one; nothing where it says nothing."""
    before = Wording(HARBOR | KEPT, "formal")
    assert before == AS_BEFORE.over(before)
    assert Wording(BAY, "formal") == Wording(BAY).over(before)
    assert Wording(Glossary(), "formal") == Wording(Glossary()).over(before)
    assert Wording(HARBOR | KEPT, "neutral") == Wording(formality="neutral").over(before)


def test_a_language_is_concerned_by_its_own_renderings() -> None:
    """And by words that are kept; of what is not said, nothing is made."""
    said = Wording(HARBOR | KEPT, "formal").in_language("es")
    assert Wording(Glossary.parse({"harbor": {"es": "puerto"}, "Acme": None}), "formal") == said
    assert Wording(KEPT) == Wording(HARBOR | KEPT).in_language("de")
    assert AS_BEFORE == AS_BEFORE.in_language("es")


def test_a_wording_is_what_a_translator_is_told() -> None:
    """Of what nobody said anything it is told what is usual."""
    told = Wording(HARBOR, "formal").brief("VIDEO_ID", "The harbor", {3: 40})
    assert ("VIDEO_ID", "The harbor", "formal", {3: 40}) == (
        told.video_id, told.title, told.formality, told.budgets
    )  # fmt: skip
    assert HARBOR == told.glossary
    plain = AS_BEFORE.brief("VIDEO_ID", "", {})
    assert ("neutral", Glossary()) == (plain.formality, plain.glossary)
