"""The speaking rates of a dub's voices, as far as they are known before they speak.

    rates = paces.rates("dQw4w9WgXcQ", "es", ["1", "2"])    # characters a second by speaker
    paces.learn("dQw4w9WgXcQ", transcript, translation, takes)

A dub keeps the rates that its first translation used: with newer rates the translator's prompt
would change, and making the dub again would be paid for again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from dub_platform.core.keys import key_of
from dub_platform.core.speech import Takes, Transcript, Translation
from dub_platform.core.timing.budget import speaking_rate
from dub_platform.core.timing.fitting import learn_rate, pace_of
from dub_platform.registry.speaking_rates import SpeakingRates
from resources.store.port import Store
from resources.store.values import find_bytes, value_key
from resources.voice.port import Reading, Voice

_RATES = TypeAdapter(dict[str, float])


@dataclass(frozen=True)
class Paces:
    """The known rates of this voice engine, and the rates that each dub uses."""

    known: SpeakingRates
    voice: Voice
    store: Store

    def rates(self, video_id: str, language: str, speakers: Collection[str]) -> dict[str, float]:
        """Return characters per second by speaker; the same each time this dub is made."""
        path = value_key("rates", video_id, language)
        voices = {speaker: self._voice_of(language, speaker) for speaker in speakers}
        kept = _RATES.validate_json(find_bytes(self.store, path) or b"{}")
        new = set(voices.values()) - kept.keys()
        # A translation older than this file has used the rates of the table.
        written = not kept and self.store.exists(value_key("translation", video_id, language))
        prior = speaking_rate(language)
        for voice in new:
            kept[voice] = prior if written else learn_rate(prior, self.known.of(voice, language))
        if new:
            self.store.put_bytes(path, _RATES.dump_json(kept))
        return {speaker: kept[voice] for speaker, voice in voices.items()}

    def learn(self, video_id: str, transcript: Transcript, said: Translation, takes: Takes) -> None:
        """Record how fast each voice spoke the lines of this dub."""
        speakers = {line.id: line.speaker for line in transcript.lines}
        texts = {line.id: line.text for line in said.lines}
        spoken: dict[str, list[tuple[str, float]]] = {}
        for take in takes.takes:
            voice = self._voice_of(said.language, speakers[take.line_id])
            spoken.setdefault(voice, []).append((texts[take.line_id], take.speech_seconds))
        for voice, lines in spoken.items():
            if pace := pace_of(lines):
                self.known.note(voice, said.language, video_id, pace)

    def _voice_of(self, language: str, speaker: str) -> str:
        """Return a key of everything that shapes a speaker's voice, whatever is said."""
        shape: Mapping[str, str | int | float] = self.voice.shape(Reading("", language, speaker))
        return key_of(dict(shape))
