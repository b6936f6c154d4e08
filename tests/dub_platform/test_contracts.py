"""The contracts that ship with the platform: a package's engine is held to them by one command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.packages import EXAMPLE, VOICES, install_example, install_package, write_module

# What an engine of the example's kind may get wrong, and the promises that find it.
MISTAKES = {
    "no-bill": ("        bill.charge(", "        len("),
    "one-language": ('"language": reading.language, ', ""),
    "any-language": ("if reading.language not in FACTS.languages", "if False"),
    "too-slow": ("LETTERS_PER_SECOND = 24_000, 14", "LETTERS_PER_SECOND = 24_000, 3"),
    "undeclared": ("return FACTS.languages", 'return ("en", "es", "fr")'),
    "hasty": ("from dub_platform.core", "import dagster_dg_cli\nfrom dub_platform.core"),
}
FOUND_BY = {
    "no-bill": "test_the_bill_says_what_was_charged",
    "one-language": "test_the_shape_tells_languages_apart",
    "any-language": "test_a_language_it_does_not_speak_is_refused",
    "too-slow": "test_a_line_is_spoken_in_a_plausible_time",
    "undeclared": "test_it_is_what_is_declared",
    "hasty": "test_what_it_can_do_is_known_without_what_it_needs",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says of the example, and of the same with a mistake each."""
    folder = tmp_path_factory.mktemp("packages")
    install_example(folder)
    text = (EXAMPLE / "dub_hum.py").read_text()
    named = {}
    for name, (right, wrong) in MISTAKES.items():
        assert right in text
        module = f"dub_{name.replace('-', '_')}"
        write_module(folder, module, text.replace(right, wrong))
        named[name] = f"{module}:ENGINE"
    install_package(folder, "dub-mistakes", {VOICES: named}, requires=["dagster-dg-cli"])
    chosen = " or ".join(f"({test} and {name})" for name, test in FOUND_BY.items())
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--pyargs", "dub_platform.contracts"),
            *("-k", f"hum or {chosen}", "-rA", "-q", "-p", "no:cacheprovider"),
            *("--basetemp", str(folder / "temp")),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "error" not in done.stdout.splitlines()[-1], done.stdout
    return done.stdout


def test_the_example_keeps_every_promise(said: str) -> None:
    """More than twenty, of which none is left out."""
    assert [] == re.findall(r"^(?:FAILED|ERROR|SKIPPED).*\bhum\b.*$", said, re.MULTILINE)
    kept = re.findall(r"^PASSED .*\[(?:voice=)?hum\b.*\]$", said, re.MULTILINE)
    assert 30 < len(kept)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_breaks_the_contract(said: str, mistake: str) -> None:
    """By the promise that is broken."""
    failed = re.findall(rf"^FAILED .*::(\w+)\[.*\b{mistake}\b.*\]", said, re.MULTILINE)
    assert FOUND_BY[mistake] in failed


def test_where_there_is_nothing_to_test_it_says_so(tmp_path: Path) -> None:
    """No empty run is taken for one that passed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--pyargs", "dub_platform.contracts", "-q"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 1 == done.returncode
    assert "No other package has an engine here. Install one, or name one" in done.stdout
