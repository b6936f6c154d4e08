"""Piper's voices: small and quick, one or many people to a file.

    voice = PiperVoice([Weights(folder / "voice.onnx", "piper/en_US-joe-medium 0a1b2c3d4e5f")])
    voice.speak(Reading("Good morning.", "en", pace=1.1), into=path, bill=bill)

Beside `voice.onnx` lies `voice.onnx.json`, which names the language, the rate, and the numbers of
phonemes. The package of the same name (GPL-3.0-or-later) is not needed for them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from dub_platform.core.errors import EngineUnavailableError
from dub_platform.core.style.casting import Casting
from resources.voice.neural import IDLE_SECONDS, MOST_PROCESSES, NeuralVoice, Person, Weights

_BEGIN, _PAD, _END = "^", "_", "$"
# Lengths of phonemes are rounded up to whole frames, so a voice hurries this much less than it is
# told to (en_US-joe-medium at paces from 1.1 to 1.8).
_HURRIES_MORE = 1.7
# A model of hundreds of people has more than any video.
_MOST_PEOPLE = 16


class _Sound(BaseModel):
    sample_rate: int = Field(gt=0)


class _Espeak(BaseModel):
    voice: str


class _Language(BaseModel):
    family: str = ""


class _Inference(BaseModel):
    noise_scale: float = 0.667
    length_scale: float = 1.0
    noise_w: float = 0.8


class _About(BaseModel):
    """What is read of `voice.onnx.json`."""

    audio: _Sound
    espeak: _Espeak
    language: _Language = _Language()
    inference: _Inference = _Inference()
    speaker_id_map: Mapping[str, int] = {}
    phoneme_id_map: Mapping[str, tuple[int, ...]]


class PiperVoice(NeuralVoice):
    """Speaks the languages of these models. Raises EngineUnavailableError for what is none."""

    kind, title, breath = "piper", "Piper", 400

    def __init__(
        self,
        models: Sequence[Weights],
        casting: Casting | None = None,
        *,
        threads: int = 2,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        abouts = {model: _read_about(model.path) for model in models}
        self._numbers = {model.path: about.phoneme_id_map for model, about in abouts.items()}
        super().__init__(
            [person for model, about in abouts.items() for person in _people(model, about)],
            casting,
            # A thread is enough for a voice, and two voices on two cores do more than one on both.
            threads=1,
            parallel=min(threads, MOST_PROCESSES),
            idle_seconds=idle_seconds,
        )

    def _ids(self, said: str, person: Person, language: str) -> list[int]:  # noqa: ARG002
        numbers = self._numbers[person.weights.path]
        ids = list(numbers[_BEGIN])
        for sign in unicodedata.normalize("NFD", said):
            if sign in numbers:
                ids += [*numbers[_PAD], *numbers[sign]]
        return [*ids, *numbers[_PAD], *numbers[_END]]

    def _model_pace(self, pace: float) -> float:
        return max(0.5, 1.0 + _HURRIES_MORE * (pace - 1.0)) if pace > 1.0 else pace


def _people(model: Weights, about: _About) -> Iterator[Person]:
    """List who speaks in a model: one, who is called as it is, or several, by their names in it."""
    name = model.engine.partition(" ")[0].rpartition("/")[2]
    known = list(about.speaker_id_map.items())[:_MOST_PEOPLE] or [("", 0)]
    for who, number in known:
        yield Person(
            name=f"{name}.{who}" if len(known) > 1 else name,
            # Chinese is cmn to eSpeak NG.
            language=about.language.family or about.espeak.voice.partition("-")[0],
            espeak=about.espeak.voice,
            weights=model,
            rate=about.audio.sample_rate,
            feed={**about.inference.model_dump(), "speaker": number},
        )


def _read_about(model: Path) -> _About:
    path = model.with_name(f"{model.name}.json")
    try:
        about = _About.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise EngineUnavailableError(
            f"{path} does not describe a voice of Piper's, or cannot be read. Get the voice anew "
            "with dub-admin models, or take it out of its folder.",
            detail=str(error),
        ) from error
    if {_BEGIN, _PAD, _END} <= about.phoneme_id_map.keys():
        return about
    raise EngineUnavailableError(
        f"The voice that {path} describes is not told phonemes of eSpeak NG, and no others are "
        "known here. Take another voice for this language."
    )
