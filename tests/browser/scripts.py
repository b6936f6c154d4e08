"""Dubs with lines, as their runs leave them, for tests of the line editor.

release_lines(services, media)                # six lines, all of them spoken
release_lines(services, media, count=3000)
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from pydantic import TypeAdapter

from dub_platform.core.speech import (
    Line,
    Take,
    Takes,
    Transcript,
    TranslatedLine,
    Translation,
)
from resources.store.values import value_key
from tests.support.rig.services import YOUTUBE, Services, release

SAID = (
    ("Good morning, and welcome to the old harbor.", "Buenos días y bienvenidos al viejo puerto."),
    ("The water is cold but the people love the sea.", "El agua está fría, pero aman el mar."),
    ("My father was a fisherman.", "Mi padre era pescador y me enseñó a leer el viento."),
    ("The children play until dark.", "Los niños juegan hasta que oscurece."),
    ("Today the market is full of fish.", "Hoy el mercado está lleno de pescado."),
    ("Come back tomorrow.", "Vuelva mañana."),
)
SECONDS = 4.0
RATE = 16_000


def release_lines(services: Services, media: Path | None = None, *, count: int = 6) -> None:
    """Release a Spanish dub of so many lines of four seconds; the third does not fit, the fourth is
    doubtful."""
    said = [SAID[number % len(SAID)] for number in range(count)]
    lines = tuple(
        Line(
            number,
            number * SECONDS + 0.5,
            number * SECONDS + 3.5,
            source,
            speaker=str(1 + number % 2),
            doubt="a mumble" if number == 3 else "",
        )
        for number, (source, _) in enumerate(said)
    )
    texts = [text for _, text in said]
    made = release(services, YOUTUBE, "es", media=media)
    put_value(services, "transcript", Transcript("en", "an engine", lines))
    translated = tuple(TranslatedLine(*pair) for pair in enumerate(texts))
    translation = Translation("es", "an engine", translated)
    put_value(services, "translation", translation, "es")
    services.store.put_bytes("takes/aa/tone.flac", tone(1.0))
    takes = tuple(
        Take(line.id, f"{line.id:064x}", "takes/aa/tone.flac", 1.0, 0.0, 1.0, 10) for line in lines
    )
    put_value(services, "speech", Takes("es", "an engine", takes, basis=translation.basis), "es")
    manifest = {"lines": [_placed(*each) for each in zip(lines, texts, strict=True)]}
    services.store.put_bytes(made.manifest_key, json.dumps(manifest).encode())


def put_value(services: Services, asset: str, value: object, language: str | None = None) -> None:
    """Keep the value of an asset, as the IO manager does."""
    written = TypeAdapter(type(value)).dump_json(value)
    services.store.put_bytes(value_key(asset, YOUTUBE, language), written)


def tone(seconds: float) -> bytes:
    """A FLAC file with a tone."""
    file = io.BytesIO()
    times = np.arange(int(seconds * RATE)) / RATE
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * 440 * times), RATE, format="FLAC")
    return file.getvalue()


def texts_of(services: Services) -> Sequence[str | None]:
    """The texts of all edits that were made, in their order."""
    return [edit.text for edit in services.registry.edits(YOUTUBE, "es")]


def _placed(line: Line, text: str) -> dict[str, object]:
    return {
        "id": line.id,
        "slot": [line.start, line.end],
        "start": line.start,
        "seconds": 1.0,
        "tempo": 1.3 if line.id == 2 else 1.0,
        "source": line.text,
        "target": text,
    }
