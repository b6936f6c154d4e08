"""Kokoro-82M: one model, some fifty voices, six of its languages.

    voice = KokoroVoice(Weights(folder / "kokoro.onnx", "kokoro/v1.0-int8 0a1b2c3d4e5f"))
    voice.speak(Reading("Buenos días.", "es", speaker="2", pace=1.1), into=path, bill=bill)

A voice is a file below `voices/` beside the model, `LANGUAGE` and `f` or `m` before its name. For
Japanese and Chinese the model wants phonemes that eSpeak NG does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, groupby, zip_longest
from pathlib import Path

from dub_platform.core.errors import EngineUnavailableError
from dub_platform.core.languages import spoken_code
from dub_platform.core.style.casting import Casting
from resources.voice.neural import IDLE_SECONDS, NeuralVoice, Person, Weights

RATE = 24_000
# By the first letter of a voice's name: its language, and what eSpeak NG calls that.
_HOMES: Mapping[str, tuple[str, str]] = {
    "a": ("en", "en-us"),
    "b": ("en", "en"),
    "e": ("es", "es"),
    "f": ("fr", "fr"),
    "h": ("hi", "hi"),
    "i": ("it", "it"),
    "p": ("pt", "pt-br"),
}
# Those that its makers heard least to complain about, before the others of their language.
_FIRST = ("af_heart", "am_michael", "bf_emma", "am_fenrir", "af_bella", "am_puck", "bm_george")
# They whisper, or are Father Christmas.
_LAST = ("af_nicole", "am_santa", "em_santa", "pm_santa")
# The numbers of its symbols: each of these from a number on.
_RUNS = (
    (1, ";:,.!?"),
    (9, '—…"()“” \u0303ʣʥʦʨᵝꭧAI'),
    (31, "O"),
    (33, "Q"),
    (35, "ST"),
    (39, "W"),
    (41, "Yᵊabcdef"),
    (50, "hijklmnopqrstuvwxyzɑɐɒæ"),
    (75, "βɔɕç"),
    (80, "ɖðʤə"),
    (85, "ɚɛɜ"),
    (90, "ɟ"),
    (92, "ɡ"),
    (99, "ɥ"),
    (101, "ɨɪʝ"),
    (110, "ɯɰŋɳɲɴø"),
    (118, "ɸθœ"),
    (123, "ɹ"),
    (125, "ɾɻ"),
    (128, "ʁɽʂʃʈʧ"),
    (135, "ʊʋ"),
    (138, "ʌɣɤ"),
    (142, "χʎ"),
    (147, "ʒʔ"),
    (156, "ˈˌː"),
    (162, "ʰ"),
    (164, "ʲ"),
    (169, "↓"),
    (171, "→↗↘"),
    (177, "ᵻ"),
)
SYMBOLS = {sign: first + place for first, run in _RUNS for place, sign in enumerate(run)}
# Sounds that the model has one symbol for, and eSpeak NG two, tied.
_AFFRICATES = {"d^ʒ": "ʤ", "t^ʃ": "ʧ", "t^s": "ʦ", "d^z": "ʣ"}
_ENGLISH = {
    "a^ɪ": "I",
    "a^ʊ": "W",
    "e^ɪ": "A",
    "ɔ^ɪ": "Y",
    "o^ʊ": "O",
    "ə^ʊ": "Q",
    "ə^l": "ᵊl",
    "ɜː": "ɜɹ",
    "ɚ": "əɹ",
    "r": "ɹ",
    "ɐ": "ə",
    "ː": "",
    "ɬ": "l",
    "x": "k",
    "ç": "k",
    "ʲ": "",
}


class KokoroVoice(NeuralVoice):
    """Speaks what the voices beside the model do. Raises EngineUnavailableError where none is."""

    kind, title, breath, ties = "kokoro", "Kokoro", 400, True

    def __init__(
        self,
        model: Weights,
        casting: Casting | None = None,
        *,
        threads: int = 2,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        people = [_person(path, model) for path in _order(model.path.parent / "voices")]
        if not people:
            raise EngineUnavailableError(
                f"There are no voices in {model.path.parent / 'voices'}, so Kokoro has nobody to "
                "speak with. Get the model anew with dub-admin models."
            )
        super().__init__(people, casting, threads=threads, parallel=1, idle_seconds=idle_seconds)

    def _ids(self, said: str, person: Person, language: str) -> list[int]:  # noqa: ARG002
        for tied, sign in _AFFRICATES.items():
            said = said.replace(tied, sign)
        if spoken_code(language) == "en":
            for theirs, ours in _ENGLISH.items():
                said = said.replace(theirs, ours)
        return [SYMBOLS[sign] for sign in said if sign in SYMBOLS]


def _person(path: Path, model: Weights) -> Person:
    language, espeak = _HOMES[path.stem[0]]
    return Person(path.stem, language, espeak, model, RATE, {"style": str(path)})


def _order(folder: Path) -> list[Path]:
    """Return the voices of languages that can be spoken: in each, women and men by turns, the best
    first."""
    voices = [path for path in folder.glob("*.bin") if path.stem[:1] in _HOMES]
    voices.sort(key=lambda path: (_HOMES[path.stem[0]][0], path.stem in _LAST, _place(path.stem)))
    ordered: list[Path] = []
    for _, home in groupby(voices, lambda path: _HOMES[path.stem[0]][0]):
        at_home = list(home)
        women, men = ([path for path in at_home if path.stem[1:2] == sex] for sex in "fm")
        ordered += [path for path in chain(*zip_longest(women, men)) if path]
    return ordered


def _place(name: str) -> tuple[int, str]:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST), name
