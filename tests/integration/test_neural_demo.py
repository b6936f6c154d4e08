"""`make demo-neural` on real weights: the words of the released track are heard again."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.resources.voice.test_heard_again import MOST_WRONG
from tests.support import weights
from tests.support.patience import HANG_SECONDS
from tests.support.recipes.speech import count_wrong_words, plain_words
from tests.support.rig.cluster.composition import ROOT
from tests.support.rig.platform import free_ports

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("weights")]

NAMES = ("whisper/base", "bergamot/en-pt", "kokoro/v1.0-int8")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """A home and ports of its own, and the models that the packages of the index carry."""
    port, dagster_port = free_ports(2)
    return {
        **os.environ,
        "DUB_HOME": str(tmp_path_factory.mktemp("neural")),
        "DUB_MODELS_DIR": str(weights.bring(*NAMES).root),
        "PORT": str(port),
        "DAGSTER_PORT": str(dagster_port),
    }


@pytest.fixture(scope="module")
def told(environment: Mapping[str, str]) -> str:
    """What the demo prints, once for all tests."""
    # What it installs is here: these tests run in it.
    done = subprocess.run(
        [
            "make",
            "--old-file=.venv/platform",
            "--old-file=.venv/local",
            "demo-neural",
            "LANGUAGES=pt",
        ],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert 0 == done.returncode, done.stdout
    return done.stdout


def test_its_words_are_heard_again(told: str, environment: Mapping[str, str]) -> None:
    """In the released track, over its bed, nine of ten words are those of the captions."""
    from faster_whisper import WhisperModel

    store = Path(environment["DUB_HOME"], "neural", "store")
    [track] = store.glob("releases/**/track.m4a")
    [captions] = store.glob("releases/**/pt.srt")
    spoken = re.sub(r"(?m)^\d+$|^.*-->.*$", "", captions.read_text())
    folder = weights.bring("whisper/base").find("whisper", "base").folder
    ear = WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)
    heard, _ = ear.transcribe(
        str(track), language="pt", beam_size=1, temperature=0.0, vad_filter=True
    )
    expected, said = plain_words(spoken), plain_words(" ".join(each.text for each in heard))
    assert len(expected) > 30
    assert count_wrong_words(expected, said) / len(expected) <= MOST_WRONG, (expected, said)


def test_it_says_how_long_each_stage_took(told: str) -> None:
    """In seconds, and for each second of the sample."""
    for stage in ("video transcript", "pt translation", "pt speech", "pt dubbed_track"):
        assert re.search(rf"(?m)^{stage} +\d+\.\d +\d+\.\d\d$", told), told


def test_nothing_is_downloaded_that_is_here(told: str) -> None:
    """What a folder of models holds is not asked for on the internet."""
    for name in NAMES:
        assert f"{name} is here already." in told
