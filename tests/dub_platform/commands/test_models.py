"""`dub-admin models`, from the command line to the folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dub_platform.commands import admin
from dub_platform.engines import provisions
from resources.models.installed import ModelFolder
from tests.support.servers.models import CONFIG, WEIGHTS, ModelServer, a_file, make_entry, whisper

RESTRICTED = {"name": "CC-BY-NC-4.0", "commercial": False}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """Where the models live."""
    with ModelServer() as started:
        yield started


@pytest.fixture
def models(server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFolder:
    """The folder of the settings, with a small catalogue."""
    monkeypatch.chdir(tmp_path)
    entries = [
        whisper(f"{server.origin}/").model_copy(update={"recommended": True}),
        make_entry(
            *("piper", "pt_PT-joana"),
            a_file("voice.onnx", CONFIG, source="config.json"),
            languages=["pt"],
            source=f"{server.origin}/",
            weights_licence=RESTRICTED,
            recommended=True,
        ),
        make_entry(
            *("bergamot", "en-es"),
            a_file("model.bin", CONFIG, source="config.json"),
            languages=["en", "es"],
            source=f"{server.origin}/",
        ),
    ]
    folder = ModelFolder(tmp_path / "models", {entry.full_name: entry for entry in entries})
    monkeypatch.setattr(provisions, "models", lambda _: folder)
    return folder


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """All that was written, on one line."""
    written = capsys.readouterr()
    return " ".join(f"{written.out} {written.err}".split())


def test_the_list_says_what_may_be_earned_with_and_what_is_here(
    models: ModelFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of those that know a language, where one is named."""
    assert 0 == admin.main(["models", "get", "base"])
    capsys.readouterr()
    assert 0 == admin.main(["models", "list"])
    rows = {row.split()[0]: row for row in capsys.readouterr().out.splitlines() if "/" in row}
    assert ["whisper/base", "piper/pt_PT-joana", "bergamot/en-es"] == list(rows)
    assert rows["whisper/base"].split()[-4:] == ["MIT", "yes", "MIT", "yes"]
    assert rows["piper/pt_PT-joana"].split()[-3:] == ["CC-BY-NC-4.0", "no", "MIT"]
    assert 0 == admin.main(["models", "list", "--language", "pt-BR"])
    listed = said(capsys)
    assert ("piper/pt_PT-joana" in listed, "whisper/base" in listed) == (True, False)


def test_a_set_for_dubs_is_got_and_what_it_lacks_is_said(
    models: ModelFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """From English into two languages, with a licence that restricts told before."""
    assert 0 == admin.main(["models", "get", "--for", "en:pt,es"])
    told = said(capsys)
    assert "no model that translates en into pt" in told
    assert "no model that speaks es" in told
    assert "CC-BY-NC-4.0; to earn with: no" in told
    here = [model.entry.full_name for model in models.list_installed()]
    assert ["bergamot/en-es", "piper/pt_PT-joana", "whisper/base"] == here


def test_what_is_here_is_not_got_again(
    models: ModelFolder, server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server is not asked."""
    admin.main(["models", "get", "whisper/base"])
    server.asked.clear()
    assert 0 == admin.main(["models", "get", "whisper/base"])
    assert ("is here already" in said(capsys), server.asked) == (True, [])


def test_what_is_exported_is_brought_in_elsewhere(
    models: ModelFolder, server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a network, and without a name: all that is whole in it."""
    admin.main(["models", "get", "base", "pt_PT-joana"])
    assert 0 == admin.main(["models", "export", "models.tar"])
    server.asked.clear()
    elsewhere = ModelFolder(tmp_path / "elsewhere", models.catalogue)
    monkeypatch.setattr(provisions, "models", lambda _: elsewhere)
    assert 0 == admin.main(["models", "get", "--from", "models.tar"])
    assert elsewhere.find("whisper", "base").path("model.bin").read_bytes() == WEIGHTS
    assert [] == server.asked


def test_what_was_damaged_here_is_found_and_mended(
    models: ModelFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """`verify` reads all of it; `remove` and `get` make it anew."""
    admin.main(["models", "get", "base"])
    assert 0 == admin.main(["models", "verify"])
    path = models.find("whisper", "base").path("model.bin")
    path.chmod(0o644)
    path.write_bytes(WEIGHTS[::-1])
    capsys.readouterr()
    assert 1 == admin.main(["models", "verify"])
    assert "damaged: model.bin" in said(capsys)
    assert 0 == admin.main(["models", "remove", "base"])
    assert () == models.list_installed()
    admin.main(["models", "get", "base"])
    assert 0 == admin.main(["models", "verify"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["get"], "Nothing was named"),
        (["get", "bse"], "no one model called 'bse'"),
        (["get", "--for", "pt"], "Write --for en:pt,es"),
        (["get", "--from", "nowhere.whl"], "There is no nowhere.whl"),
        (["get", "--from", "."], "no whole model"),
        (["get", "base", "--from", "."], "model.bin, below/config.json is missing"),
        (["remove", "base"], "no one model 'base'"),
        (["show", "gigantic"], "models list shows all"),
    ],
)
def test_what_cannot_be_done_is_said(
    models: ModelFolder, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a sentence on standard error, with an exit status that a script notices."""
    assert 1 == admin.main(["models", *arguments])
    written = capsys.readouterr()
    assert ("", True) == (written.out, words in " ".join(written.err.split()))


def test_the_licence_origin_and_sums_of_a_model_are_shown(
    models: ModelFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it is got."""
    assert 0 == admin.main(["models", "show", "pt_PT-joana"])
    told = said(capsys)
    [file] = models.catalogue["piper/pt_PT-joana"].files
    assert all(words in told for words in ("CC-BY-NC-4.0", "these tests", file.sum, "here no"))
