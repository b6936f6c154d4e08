"""The engines on this machine's processor: how fast they are, how right, and in how much memory.

    python -m benchmarks.local --minutes 5 60 180 --threads 2

- Listening: half a minute of two women on a telephone (real speech), by faster-whisper, by
  openai-whisper with the same weights, and by pocketsphinx.
- Translating: lines of English by Bergamot, and by Apertium.
- Speaking: lines by Kokoro, Piper and eSpeak NG, heard again by Whisper.
- The whole dub: the sample of the repository, through the pipeline with its gates; and two of them
  at once, beside one after the other.
- Growth: the whole dub of the telephone, again and again for so many minutes. A line that comes
  again is not spoken again. From `--rote-from` minutes on the decoder says the same of every chunk,
  so that what is seen is the memory of all but the decoder's own work.

Each is a process of its own, whose memory is watched with that of all it starts. `rtf` are seconds
for each second of sound, `cpu_rtf` those of the processor: others on the machine do not change it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import command
from benchmarks.command import PROGRESS
from benchmarks.converted import convert
from benchmarks.mix import count_bytes
from dub_platform.local import demo
from resources.models.installed import ModelFolder
from tests.support import weights
from tests.support.recordings import Recording, bring_telephone

MODELS = (
    *("whisper/base", "whisper/tiny.en", "bergamot/en-pt"),
    *("kokoro/v1.0-int8", "piper/en_US-joe-medium"),
)
PARTS = ("listen", "translate", "speak", "dub", "growth")
NEURAL = {
    "transcriber": "faster-whisper",
    "translator": "bergamot",
    "voice": "kokoro",
}
LANGUAGE = "pt"
SPEAKERS = (
    *(("kokoro", LANGUAGE), ("kokoro", "es"), ("kokoro", "en")),
    *(("piper", "en"), ("espeak", "en"), ("espeak", LANGUAGE), ("espeak", "es")),
)
LOOK_SECONDS = 0.2
TOGETHER = "dub, two at once"
SHOWN = ("rtf", "cpu_rtf", "wer", "lines_per_s", "seconds", "peak_mb", "load")


@dataclass
class Bench:
    """What is measured, by its name; `settings` are of every engine."""

    home: Path
    threads: int
    models: Path
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def measure(self, name: str, settings: Mapping[str, Any], **job: Any) -> None:
        """One piece of work in a process of its own; its name begins with the kind of work."""
        PROGRESS.print(name)
        self.rows[name] = self._run(name.partition(" ")[0], settings, **job)
        # A long one may be stopped: what is known by then is not lost.
        PROGRESS.print(json.dumps(self.rows[name]))

    def measure_together(self, name: str, count: int, **job: Any) -> None:
        """The same dub so many times at once, each with its share of the threads."""
        PROGRESS.print(name)
        share = NEURAL | {"threads": max(1, self.threads // count)}
        began = time.monotonic()
        with ThreadPoolExecutor(count) as pool:
            rows = list(pool.map(lambda _: self._run("dub", share, **job), range(count)))
        self.rows[name] = {
            "seconds": time.monotonic() - began,
            "peak_mb": sum(row["peak_mb"] for row in rows),
            "load": rows[0]["load"],
        }

    def _run(self, work: str, settings: Mapping[str, Any], **job: Any) -> dict[str, Any]:
        chosen = {"models_dir": str(self.models), "threads": self.threads, **settings}
        asked = {"work": work, "home": str(self.home), "settings": chosen, **job}
        load = psutil.getloadavg()[0]
        said, peak = watch(json.dumps(asked))
        return {**said, "peak_mb": peak, "load": load}


def watch(job: str) -> tuple[dict[str, Any], float]:
    """What a process says, and the most memory of it and all it starts, in megabytes."""
    asked = [sys.executable, "-m", "benchmarks.local_work", job]
    with subprocess.Popen(asked, stdout=subprocess.PIPE) as process:
        peak, watched = 0, psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, count_bytes(watched))
            time.sleep(LOOK_SECONDS)
        assert process.stdout is not None
        said = process.stdout.read()
    if process.returncode:
        raise RuntimeError(f"It ended with {process.returncode}: {job}")
    return json.loads(said.splitlines()[-1]), peak / 1e6


def measure(bench: Bench, chosen: argparse.Namespace) -> None:
    """All that was chosen, in this order."""
    telephone = bring_telephone()
    sample = {"clip": str(demo.SAMPLE), "seconds": demo.SAMPLE_SECONDS, "language": LANGUAGE}
    if "listen" in chosen.parts:
        _measure_listening(bench, telephone)
    if "translate" in chosen.parts:
        for name, language in (("bergamot", LANGUAGE), ("apertium", "es")):
            bench.measure(f"translate {name}", {"translator": name}, language=language)
    if "speak" in chosen.parts:
        for name, language in SPEAKERS:
            bench.measure(f"speak {name} {language}", {"voice": name}, language=language)
    if "dub" in chosen.parts:
        bench.measure("dub of the sample", NEURAL, **sample)
        bench.measure_together("dub, by itself", 1, **sample)
        bench.measure_together(TOGETHER, 2, **sample)
    if "growth" in chosen.parts:
        looped = {"clip": str(telephone.path), "said": telephone.said, "language": LANGUAGE}
        model = NEURAL | {"whisper_model": chosen.growth_model}
        for length in sorted(chosen.minutes):
            rote = {"by_rote": length >= chosen.rote_from}
            bench.measure(f"dub of {length} min", model, seconds=60.0 * length, **looped, **rote)


def _measure_listening(bench: Bench, telephone: Recording) -> None:
    base = ModelFolder(bench.models).find("whisper", "base").folder
    checkpoint = convert(base, bench.home / "base.pt")
    heard = {"audio": str(telephone.path), "said": telephone.said, "seconds": telephone.seconds}
    for name in ("faster-whisper", "whisper", "pocketsphinx"):
        settings = {"transcriber": name}
        if name == "whisper":
            settings["whisper_model"] = str(checkpoint)
        bench.measure(f"listen {name}", settings, **heard)


def main() -> int:
    """Print the table and the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, nargs="*", default=[5, 60, 180])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--growth-model", default="base", help="Whisper's, for the long ones")
    parser.add_argument("--rote-from", type=int, default=10_000, metavar="MINUTES")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dub-local-") as home:
        bench = Bench(Path(home), chosen.threads, weights.bring(*MODELS).root)
        measure(bench, chosen)
    Console().print(table(bench.rows))
    print(as_json(bench.rows))  # noqa: T201
    return 0


def table(rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row for each piece of work."""
    made = Table("work", *SHOWN)
    for name, row in rows.items():
        cells = (row.get(figure) for figure in SHOWN)
        made.add_row(name, *("" if cell is None else f"{cell:.2f}" for cell in cells))
    return made


def as_json(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The line that machines read: the engines of the neural demo, and how memory grows."""
    named = {
        "asr": (f"listen {NEURAL['transcriber']}", ("rtf", "cpu_rtf", "wer")),
        "mt": (f"translate {NEURAL['translator']}", ("lines_per_s", "cpu_lines_per_s")),
        "tts": (f"speak {NEURAL['voice']} {LANGUAGE}", ("rtf", "cpu_rtf", "wer")),
    }
    figures = {
        f"{short}_{figure}": rows[name][figure]
        for short, (name, wanted) in named.items()
        if name in rows
        for figure in wanted
    }
    if alone := rows.get("dub, by itself"):
        figures["neural_demo_s"] = rows["dub of the sample"]["seconds"]
        figures["two_in_turn_s"] = 2 * alone["seconds"]
        figures["two_at_once_s"] = rows[TOGETHER]["seconds"]
    for name, row in rows.items():
        if name.endswith(" min"):
            figures[f"peak_mb_{name.split()[-2]}"] = row["peak_mb"]
    figures["peak_mb"] = max(row["peak_mb"] for name, row in rows.items() if name != TOGETHER)
    return json.dumps({name: round(value, 3) for name, value in figures.items()})


if __name__ == "__main__":
    command.run(main)
