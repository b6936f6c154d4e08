"""eSpeak NG in a process of its own: JSON lines in, WAV files out.

    $ python -I espeak_process.py LIBRARY DATA
    {"text": "Buenos días.", "voice": "es+m3", "speed": 165, "path": "take.wav"}
    {"seconds": 1.12}
    {"clauses": ["Buenos días"], "voice": "es", "ties": false}
    {"phonemes": ["(in the International Phonetic Alphabet)"]}

The library is global and not thread-safe, so it never runs in the process that wants speech.
Standard library only, because `-I` leaves nothing else to find. `EspeakVoice` starts it, and
`resources/voice/phonemes.py`; it ends when its input closes.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import wave
from collections.abc import Sequence

SYNCHRONOUS = 2
DO_NOT_EXIT = 0x8000
WORDS_PER_MINUTE = 1
BY_CHARACTER = 1
# Neither SSML (0x10) nor [[phonemes]] (0x100): the text is data.
PLAIN_UTF8 = 1
SEED = 1
# The International Phonetic Alphabet, and what stands between two letters of one sound.
IPA, TIE = 0x02, 0x80 | ord("^") << 8

_Hear = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class Speaker:
    """The library, started and still silent. Raises RuntimeError if it does not start."""

    def __init__(self, library: str, data: str) -> None:
        self._espeak = ctypes.CDLL(library)
        self._rate: int = self._espeak.espeak_Initialize(SYNCHRONOUS, 0, data.encode(), DO_NOT_EXIT)
        if self._rate <= 0:
            raise RuntimeError(f"eSpeak NG did not start with the data in {data}")

    def speak(self, text: str, voice: str, speed: int, path: str) -> float:
        """Write `text` to `path` as mono 16-bit WAV; its seconds. Raises RuntimeError."""
        sound = self._sound(text.encode(), voice, speed)
        with wave.open(path, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(self._rate)
            out.writeframes(sound)
        return len(sound) / 2 / self._rate

    def spell(self, clauses: Sequence[str], voice: str, *, ties: bool) -> list[str]:
        """Return the phonemes of each clause, as `voice` would say it, or else the voice of its
        language, as "en" is for "en-gb". Raises RuntimeError."""
        if self._espeak.espeak_SetVoiceByName(voice.encode()):
            language = voice.partition("-")[0]
            _check(self._espeak.espeak_SetVoiceByName(language.encode()), f"voice {voice}")
        return [self._spell(clause, IPA | TIE if ties else IPA) for clause in clauses]

    def _spell(self, clause: str, mode: int) -> str:
        ask = self._espeak.espeak_TextToPhonemes
        ask.restype = ctypes.c_char_p
        left, found = ctypes.c_char_p(clause.encode()), []
        # It reads up to a mark that it takes for the end of a clause, and moves the pointer there.
        while left.value:
            found.append((ask(ctypes.byref(left), PLAIN_UTF8, mode) or b"").decode())
        return " ".join(filter(None, found))

    def _sound(self, text: bytes, voice: str, speed: int) -> bytes:
        sound = bytearray()
        hear = _make_listener(sound)
        size = ctypes.c_size_t(len(text) + 1)
        self._espeak.espeak_SetSynthCallback(hear)
        _check(self._espeak.espeak_SetVoiceByName(voice.encode()), f"voice {voice}")
        _check(self._espeak.espeak_SetParameter(WORDS_PER_MINUTE, speed, 0), f"speed {speed}")
        self._seed()
        _check(
            self._espeak.espeak_Synth(text, size, 0, BY_CHARACTER, 0, PLAIN_UTF8, None, None),
            "text",
        )
        return bytes(sound)

    def _seed(self) -> None:
        """Make the same text the same sound: breath is noise from the library's dice and the C
        ones."""
        self._espeak.espeak_ng_SetRandSeed(ctypes.c_long(SEED))
        ctypes.CDLL(None).srand(SEED)


def _make_listener(sound: bytearray) -> ctypes._FuncPointer:
    """Return a callback that collects what is spoken. ctypes does not keep it alive: the caller
    must."""

    def hear(samples: int | None, count: int, _events: int | None) -> int:
        if samples:
            sound.extend(ctypes.string_at(samples, count * 2))
        return 0

    return _Hear(hear)


def _check(code: int, what: str) -> None:
    if code:
        raise RuntimeError(f"eSpeak NG refused the {what} with code {code}")


def answer(speaker: Speaker, line: str) -> dict[str, float | str | list[str] | None]:
    """Tell what a request line is answered with: the seconds spoken or the phonemes, or the error
    with its number."""
    request = json.loads(line)
    try:
        if "clauses" in request:
            return {"phonemes": speaker.spell(**request)}
        return {"seconds": speaker.speak(**request)}
    except (RuntimeError, OSError) as error:
        return {"error": str(error), "number": getattr(error, "errno", None)}


def answer_aside(speaker: Speaker, line: str) -> None:
    """Print the answer from a fork.

    The library keeps traces of every line it spoke (its pitch flutter goes on where it was), so
    each line is spoken from the same untouched state. A crash takes one line, not the process.
    """
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if status:
            print(json.dumps({"error": f"eSpeak NG crashed with status {status}"}), flush=True)
        return
    try:
        print(json.dumps(answer(speaker, line)), flush=True)
    except BaseException:  # noqa: BLE001 - a forked child must never run its parent's code
        os._exit(1)
    os._exit(0)


def main(arguments: Sequence[str]) -> None:
    """Answer request lines until there are no more."""
    speaker = Speaker(*arguments)
    for line in sys.stdin:
        answer_aside(speaker, line)


if __name__ == "__main__":
    main(sys.argv[1:])
