"""The API answers for engines that it does not have: it starts without their packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.docs.documents import ROOT
from tests.support.new_registries import make_registry

ENGINES = (
    *("av", "clarabel", "ctranslate2", "demucs", "elevenlabs", "espeakng_loader", "faster_whisper"),
    *("ffmpeg", "onnxruntime", "openai", "pocketsphinx", "py3langid", "scipy", "silero_vad"),
    *("soundfile", "torch", "whisper", "yt_dlp"),
)
# Handed in to a process of its own, in which an engine's package cannot be imported.
PROGRAM = f"""
import importlib.abc, json, sys, threading

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ENGINES!r}:
            raise ImportError(f"There is no {{name}} here.")

sys.meta_path.insert(0, Missing())
from starlette.testclient import TestClient
from api.asgi import create
with TestClient(create(), "http://127.0.0.1:5001", client=("127.0.0.1", 50000)) as client:
    languages = client.get("/languages").json()
    made = client.post("/videos", json={{"source": "dQw4w9WgXcQ", "languages": ["es"]}})
    video = client.get("/videos/dQw4w9WgXcQ")
# CPython can crash when a daemon thread wakes while the interpreter ends: `limits` has timers of
# 10 ms, and AnyIO does not wait for its workers.
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join(60)
roles = ("transcriber", "translator", "voice", "separator", "mixer", "listening", "downloader")
imported = [
    name for name in sys.modules
    if name.startswith(tuple(f"resources.{{role}}." for role in roles))
    and name.rpartition(".")[2] not in ("capabilities", "cues")
]
print(json.dumps([made.status_code, video.status_code, languages, imported]))
"""
PAID = {
    "DUB_TRANSCRIBER": "whisper",
    "DUB_SOURCE_LANGUAGE": "auto",
    "DUB_TRANSLATOR": "openai",
    "OPENAI_API_KEY": "sk-" + "a" * 40,
    "DUB_VOICE": "elevenlabs",
    "ELEVENLABS_API_KEY": "sk_" + "a" * 40,
    "DUB_ELEVENLABS_VOICES": "default=a-voice",
}


@pytest.mark.parametrize(
    "engines",
    [{}, PAID, {"DUB_VOICE": "kokoro"}],
    ids=["free", "paid", "models"],
)
def test_the_api_takes_a_video_in_without_a_single_engine(
    tmp_path: Path, engines: Mapping[str, str]
) -> None:
    """Neither their packages nor the programs of Apertium are there, and none is looked for."""
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    make_registry(url)
    home = {name: str(tmp_path) for name in ("HOME", "DUB_HOME", "DAGSTER_HOME")}
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={"PATH": os.devnull, "DUB_AUTH": "off", "DUB_DATABASE_URL": url, **home, **engines},
        capture_output=True,
        check=False,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    made, video, languages, imported = json.loads(said.stdout.splitlines()[-1])
    assert (202, 200, []) == (made, video, imported), "Import it where it is used."
    assert "es" in json.dumps(languages)
