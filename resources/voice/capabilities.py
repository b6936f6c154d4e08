"""What each voice can do, as facts: who answers requests knows them and speaks nothing.

    elevenlabs_facts("eleven_v3").languages
    OPENAI_FACTS.cost_usd("Hola.", None)        # at the provider's list price

Each engine takes its own from here. `tests/contracts/test_capabilities.py` holds them to it. What
models of one's own speak is in the catalogue of models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dub_platform.core.languages import nearest_voice


def codes(*lists: str) -> tuple[str, ...]:
    """Return the language codes of lists separated by spaces, in alphabetical order."""
    return tuple(sorted({code for each in lists for code in each.split()}))


# What eSpeak NG's data have, and Galician, which is read by its Spanish voice.
ESPEAK_LANGUAGES = codes(
    "af am an ar as az ba be bg bn bpy bs ca cmn cs cv cy da de el en eo es et eu fa fi fo fr ga "
    "gd gl gn grc gu hak haw hbs he hi hr ht hu hy hyw ia id io is it ja jbo ka kaa kk kl kn ko "
    "kok ku ky la lb lfn lt ltg lv mi mk ml mr ms mt mto my nb nci ne nl no nog om or pa pap pl "
    "pt py qdb qu quc qya ro ru sd shn si sjn sk sl smj sq sr sv sw ta te th ti tk tn tr tt ug uk "
    "ur uz vi xex yue zh"
)
OPENAI_LANGUAGES = codes(
    "af ar az be bg bs ca cs cy da de el en es et fa fi fil fr gl he hi hr hu hy id is it ja kk kn "
    "ko lt lv mi mk mr ms ne nl no pl pt ro ru sk sl sr sv sw ta th tr uk ur vi zh"
)
# It is charged by the minute of speech, $0.015, which is some 800 characters.
OPENAI_USD = 0.02
ELEVENLABS_USD = 0.10
_V2 = "ar bg cs da de el en es fi fil fr hi hr id it ja ko ms nl pl pt ro ru sk sv ta tr uk zh"
_V3 = (
    "af as az be bn bs ca ceb cy et fa ga gl gu ha he hu hy is jv ka kk kn ky lb ln lt lv mk ml mr "
    "ne no ny pa ps sd sl so sr sw te th ur vi"
)


@dataclass(frozen=True)
class ElevenLabsModel:
    """What a model can do.

    `stitches`: it takes the words before and after; `told_language`: it takes a language code;
    `credits`: what a character counts, where a voice does not count more.
    """

    languages: tuple[str, ...]
    stitches: bool
    told_language: bool
    credits: float = 1.0


_FAST = ElevenLabsModel(codes(_V2, "hu no vi"), stitches=True, told_language=True, credits=0.5)
_FAST_ENGLISH = ElevenLabsModel(("en",), stitches=True, told_language=False, credits=0.5)
MODELS: Mapping[str, ElevenLabsModel] = {
    "eleven_multilingual_v2": ElevenLabsModel(codes(_V2), stitches=True, told_language=False),
    "eleven_flash_v2_5": _FAST,
    "eleven_turbo_v2_5": _FAST,
    "eleven_flash_v2": _FAST_ENGLISH,
    "eleven_turbo_v2": _FAST_ENGLISH,
    "eleven_v3": ElevenLabsModel(codes(_V2, _V3), stitches=False, told_language=True),
}


def elevenlabs_model(name: str) -> ElevenLabsModel:
    """Return what a model of ElevenLabs can do; one that is not known yet is taken for v3."""
    return MODELS.get(name, MODELS["eleven_v3"])


@dataclass(frozen=True)
class VoiceFacts:
    """What a voice speaks, and what a thousand characters cost where no price is set.

    `models` are the names of what speaks a language, and `otherwise` of who does it without one.
    """

    languages: tuple[str, ...]
    models: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = ""
    usd_per_1000_characters: float = 0.0
    credits: float = 1.0

    def find_model(self, language: str) -> str:
        """Return who speaks a language, by name; nothing where its engine has no names for it."""
        near = nearest_voice(language, self.models)
        return self.models[near] if near else self.otherwise

    def cost_usd(self, text: str, usd_per_1000_characters: float | None) -> float:
        """Return what it costs to speak the text; the set price counts where something is paid."""
        listed, agreed = self.usd_per_1000_characters, usd_per_1000_characters
        price = listed if not listed or agreed is None else agreed
        return self.credits * len(text) * price / 1000


def elevenlabs_facts(model: str) -> VoiceFacts:
    """Return what ElevenLabs can do with this model."""
    can = elevenlabs_model(model)
    return VoiceFacts(can.languages, usd_per_1000_characters=ELEVENLABS_USD, credits=can.credits)


OPENAI_FACTS = VoiceFacts(OPENAI_LANGUAGES, usd_per_1000_characters=OPENAI_USD)
ESPEAK_FACTS = VoiceFacts(ESPEAK_LANGUAGES)
