"""Bergamot's models in a process of its own: JSON lines in, JSON lines out.

    $ python -I bergamot_process.py
    {"model": {"model": "model.bin", "source": "vocab.spm", "target": "vocab.spm", \
"shortlist": "lex.bin"}, "texts": ["the house"]}
    {"texts": ["a casa"]}

An engine may be asked by the thread that made it alone, and answers what it cannot do with a panic,
which no `except Exception` stops. `BergamotTranslator` starts it; it ends when its input closes.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any


@cache
def load(model: str, source: str, target: str, shortlist: str) -> Any:
    """Return the engine of these files, loaded once."""
    from fxtranslate import Translator

    return Translator(*(Path(path).read_bytes() for path in (model, source, target, shortlist)))


def answer(line: str) -> dict[str, Any]:
    """Tell what a request line is answered with: its texts, translated, or the error."""
    request = json.loads(line)
    try:
        engine = load(**request["model"])
        return {"texts": [engine.translate(text) for text in request["texts"]]}
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic is no Exception
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Answer request lines until there are no more."""
    for line in sys.stdin:
        print(json.dumps(answer(line)), flush=True)


if __name__ == "__main__":
    main()
