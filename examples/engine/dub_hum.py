"""A voice that hums: every letter is a tone, and every speaker has a pitch of their own."""

from dub_platform.core.errors import LanguageNotAvailableError
from dub_platform.engines import VoiceEngine, VoiceFacts
from resources.voice.port import Voice

FACTS = VoiceFacts(languages=("en", "es"))
RATE, LETTERS_PER_SECOND = 24_000, 14


class HumVoice(Voice):
    engine, parallel = "hum 1.0", 4

    def __init__(self, chosen):
        self.hertz = float(chosen.variables.get("HERTZ", "120"))

    def languages(self):
        return FACTS.languages

    def shape(self, reading):
        if reading.language not in FACTS.languages:
            raise LanguageNotAvailableError(f"hum speaks {', '.join(FACTS.languages)} and no more.")
        hertz = self.hertz * (1.0 + sum(reading.speaker.encode()) % 97 / 97)
        return {"engine": self.engine, "language": reading.language, "hertz": hertz}

    def cost_usd(self, text):
        return 0.0

    def speak(self, reading, *, into, bill):
        import numpy as np

        from resources.voice.recording import write_sound

        letters = np.repeat([ord(each) % 12 for each in reading.text], RATE // LETTERS_PER_SECOND)
        hertz = self.shape(reading)["hertz"] * 2 ** (letters / 12)
        write_sound(into, 0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE), RATE)
        bill.charge(len(reading.text), self.cost_usd(reading.text))


ENGINE = VoiceEngine(about="A voice that hums.", facts=lambda chosen: FACTS, make=HumVoice)
