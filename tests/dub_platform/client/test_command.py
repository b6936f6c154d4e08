"""The command `dub`, as somebody types it."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path

import pysubs2
import pytest

from dub_platform.client import DubClient
from dub_platform.client.command import main
from dub_platform.core.speech import Basis
from dub_platform.registry import NewVideo, Source, Work
from tests.api.routes.test_lines import SOUNDS, TEXTS, speak
from tests.dub_platform.client.scripts import release_with_lines
from tests.support.rig.services import (
    YOUTUBE,
    Services,
    make_clip,
    make_services,
    release,
    serving,
)

UPLOAD = "up-0123456789abcdef0123456789abcdef"
WHY = {"code": "engine_failed", "message": "The voice [x] ended."}
DUB = [sys.executable, "-m", "dub_platform.client.command"]

Printed = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path)


@pytest.fixture
def url(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The platform that the command speaks to; what is printed stands on one line."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with serving(services) as url:
        monkeypatch.setenv("DUB_URL", url)
        # Files are fetched from where the platform says that they are.
        services.store.base_url = f"{url}/media"
        yield url


def fail(services: Services) -> None:
    """A dub in Catalan that failed."""
    services.registry.ask(YOUTUBE, "ca")
    services.registry.fail(Work(YOUTUBE, "ca", 1), WHY, now=datetime.now(timezone.utc))


def texts(url: str) -> list[str]:
    """What the lines say."""
    with DubClient(url) as client:
        return [line["text"] for line in client.lines(YOUTUBE, "es")]


def ageless(printed: str) -> str:
    """What was printed, whenever that was."""
    return re.sub(r"\d+ \w+ ago", "a while ago", printed)


def tag(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:6]


@pytest.mark.usefixtures("url")
def test_a_file_is_added_and_waited_for(
    services: Services, tmp_path: Path, capsys: Printed
) -> None:
    """The last thing that is printed is where to watch it."""
    release(services, YOUTUBE, "es")
    assert 0 == main(["add", YOUTUBE, "--to", "es", "--wait"])
    printed = capsys.readouterr().out
    assert f"{YOUTUBE} was handed in before: {YOUTUBE}" in printed
    assert printed.endswith(f"\nhttp://dub.test/watch?v={YOUTUBE}&lang=es\n")
    clip = str(make_clip(tmp_path / "clip.mp4"))
    assert 0 == main(["add", clip, "--to", "es,ca", "--title", "A walk"])
    assert "clip.mp4 is handed in: up-" in capsys.readouterr().out
    assert 0 == main(["estimate", clip, "--to", "es,ca", "--source-language", "en"])
    assert "into es, ca, at prices of 2026-11-01." in capsys.readouterr().out


@pytest.mark.usefixtures("url")
def test_a_status_names_each_dub_and_why_it_failed(services: Services, capsys: Printed) -> None:
    """What failed is also the exit status; without an id it is the newest."""
    release(services, YOUTUBE, "es")
    fail(services)
    assert 1 == main(["status", YOUTUBE])
    told = ageless(capsys.readouterr().out)
    assert 1 == main(["status"])
    assert told == ageless(capsys.readouterr().out)
    assert ["A harbor", f"{YOUTUBE}, handed in a while ago, 2 s long"] == told.splitlines()[:2]
    assert f"Spanish (es) released a while ago\nhttp://dub.test/watch?v={YOUTUBE}&lang=es\n" in told
    assert told.endswith("ca failed: The voice [x] ended.\n")


@pytest.mark.usefixtures("url")
def test_what_waits_for_the_machine_has_not_failed(services: Services, capsys: Printed) -> None:
    """It is told with its reason, and ends well."""
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE), ["es"])
    busy = {"code": "machine_busy", "message": "The machine is busy.", "retryable": True}
    services.registry.postpone(Work(YOUTUBE, None, 1), busy, now=datetime.now(timezone.utc))
    assert 0 == main(["status", YOUTUBE])
    assert capsys.readouterr().out.endswith("\nthe video waits: The machine is busy.\n")


@pytest.mark.usefixtures("url")
def test_videos_are_listed_with_their_dubs(services: Services, capsys: Printed) -> None:
    """Their whole ids where a program reads them; those that are looked for."""
    release(services, YOUTUBE, "es")
    services.registry.accept(NewVideo(UPLOAD, Source.UPLOAD, title="A \x1b[31mwalk"), ["ca"])
    assert 0 == main(["videos"])
    assert 0 == main(["videos", "--dub-status", "released", "--search", "HARB"])
    assert 0 == main(["videos", "--language", "gl"])
    assert [
        f"{UPLOAD}  a while ago     ca queued  A  [31mwalk",
        f"{YOUTUBE}  a while ago     es released  A harbor",
        f"{YOUTUBE}  a while ago     es released  A harbor",
        "There is none.",
    ] == ageless(capsys.readouterr().out).splitlines()


@pytest.mark.parametrize(
    "given", [UPLOAD, "up-01234", f"http://dub.test/watch?v={UPLOAD}&lang=es", YOUTUBE, "dQw4"]
)
@pytest.mark.usefixtures("url")
def test_a_video_is_named_by_the_beginning_of_its_id(
    services: Services, given: str, capsys: Printed
) -> None:
    """Or by its link; a title that says the same is none."""
    services.registry.accept(NewVideo(UPLOAD, Source.UPLOAD), ["es"])
    services.registry.accept(NewVideo(YOUTUBE, Source.YOUTUBE, title="up-01234"), ["es"])
    assert 0 == main(["status", given, "--json"])
    wanted = UPLOAD if UPLOAD[:8] in given else YOUTUBE
    assert wanted == json.loads(capsys.readouterr().out)["id"]


@pytest.mark.usefixtures("url")
def test_a_beginning_of_two_ids_or_of_none_is_told(services: Services, capsys: Printed) -> None:
    """With what there is."""
    assert 1 == main(["status"])
    for last in "ab":
        services.registry.accept(NewVideo(UPLOAD[:-1] + last, Source.UPLOAD), ["es"])
    assert [1, 1] == [main(["status", "up-01"]), main(["status", "up-02"])]
    none, ambiguous, unknown = capsys.readouterr().err.splitlines()
    assert "There is no video yet: hand one in" in none
    assert f"up-01 is the beginning of 2 ids: {UPLOAD[:-1]}b, {UPLOAD[:-1]}a." in ambiguous
    assert "There is no video whose id begins with up-02" in unknown


def test_lines_are_shown_and_edited(services: Services, url: str, capsys: Printed) -> None:
    """What is edited is marked; brackets are text; the version is told before and after."""
    release_with_lines(services)
    assert 0 == main(["edit", YOUTUBE, "es", "0", "[red]Hola."])
    assert 0 == main(["lines", YOUTUBE, "es"])
    # A cell of the table goes on below where a terminal is narrow.
    printed = " ".join(capsys.readouterr().out.split())
    assert f"Line 0, version {tag(TEXTS[0])}, said: {TEXTS[0]}" in printed
    assert f"Line 0 says now, version {tag('[red]Hola.')}: [red]Hola." in printed
    assert "[red]Hola. (edited) (not spoken yet)" in printed
    assert "(hard to fit)" in printed
    assert 0 == main(["edit", YOUTUBE, "es", "0", "--back"])
    assert TEXTS[0] == texts(url)[0]


@pytest.mark.usefixtures("url")
def test_problems_are_shown_alone(services: Services, capsys: Printed) -> None:
    """What came late in the release, and what is not in it yet."""
    release_with_lines(services)
    numbers = []
    for _ in range(2):
        assert 0 == main(["lines", YOUTUBE, "es", "--problems", "--json"])
        shown = json.loads(capsys.readouterr().out)["lines"]
        numbers.append([line["number"] for line in shown])
        assert [tag(line["text"]) for line in shown] == [line["tag"] for line in shown]
        assert 0 == main(["edit", YOUTUBE, "es", "0", "Hola.", "--json"])
        assert "Hola." == json.loads(capsys.readouterr().out)["text"]
    assert [[1, 2], [0, 1, 2]] == numbers


def test_two_editors_do_not_write_over_each_other(
    services: Services,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    """Each has read the lines; the second is told what the first has the line say."""
    release_with_lines(services)
    for editor in ("ana", "ben"):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / editor))
        assert 0 == main(["lines", YOUTUBE, "es"])
    assert 0 == main(["edit", YOUTUBE, "es", "1", "Ben lo dice."])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "ana"))
    capsys.readouterr()
    assert 1 == main(["edit", YOUTUBE, "es", "1", "Ana lo dice."])
    refusal = capsys.readouterr().err
    assert "Line 1 was changed since it was read" in refusal
    bens = tag("Ben lo dice.")
    assert refusal.endswith(f"It says now: Ben lo dice. To change that, say --if {bens}.\n")
    assert "Ben lo dice." == texts(url)[1]
    assert 1 == main(["edit", YOUTUBE, "es", "1", "Ana lo dice.", "--if", "000000"])
    assert 0 == main(["edit", YOUTUBE, "es", "1", "Ana lo dice.", "--if", bens])
    assert 0 == main(["edit", YOUTUBE, "es", "1", "Ana dice otra cosa."])
    assert "Ana dice otra cosa." == texts(url)[1]


@pytest.mark.usefixtures("url")
def test_what_was_heard_is_corrected(services: Services, url: str, capsys: Printed) -> None:
    """Over no other text than the one that was seen; its dubs are stale, and made again."""
    release_with_lines(services)
    assert 0 == main(["said", YOUTUBE])
    assert f"{tag('Good day.')}   0.2-0.9" in capsys.readouterr().out
    assert 0 == main(["said", YOUTUBE, "--problems"])
    assert "No line is doubted.\n" == capsys.readouterr().out
    assert 0 == main(["correct", YOUTUBE, "0", "Good morning."])
    said = f"Line 0 says now, version {tag('Good morning.')}: Good morning."
    assert said in capsys.readouterr().out
    with DubClient(url) as somebody_else:
        somebody_else.correct(YOUTUBE, 0, "Good night.")
    assert 1 == main(["correct", YOUTUBE, "0", "Good evening."])
    refusal = capsys.readouterr().err
    assert "It says now: Good night. To change that, say --if" in refusal
    assert [0, 0, 0] == [main([command, YOUTUBE]) for command in ("status", "retry", "said")]
    told = capsys.readouterr().out
    assert "ago, before what is said was corrected\n" in told
    assert "Good night. (corrected)" in told
    assert 2 == services.registry.dub(YOUTUBE, "es").generation


def test_lines_that_were_heard_go_to_a_subtitle_editor_and_back(
    services: Services, url: str, tmp_path: Path, capsys: Printed
) -> None:
    """In one request; and over nothing that somebody else has corrected meanwhile."""
    release_with_lines(services)
    file = tmp_path / "heard.srt"
    assert 0 == main(["said", YOUTUBE, "--to", str(file)])
    written = file.read_text()
    assert "Good day." in written
    file.write_text(written.replace("Good day.", "Good morning.").replace("Yes.", "Yes!?"))
    assert 0 == main(["correct", YOUTUBE, "--from", str(file)])
    told = capsys.readouterr().out
    assert "Lines that say something else now: 0, 2\nIts dubs are stale by now" in told
    assert 1 == services.registry.video(YOUTUBE).revision
    assert 0 == main(["correct", YOUTUBE, "--from", str(file)])
    assert "Nothing is new.\n" == capsys.readouterr().out
    with DubClient(url) as somebody_else:
        somebody_else.correct(YOUTUBE, 0, "Good night.")
    assert 1 == main(["correct", YOUTUBE, "--from", str(file)])
    assert "Line 0 was changed since it was read" in capsys.readouterr().err
    for wrong in ([], ["0", "--from", str(file)]):
        assert 1 == main(["correct", YOUTUBE, *wrong])
        assert "Say which line is corrected" in capsys.readouterr().err


@pytest.mark.usefixtures("url")
def test_a_line_is_played_or_kept(
    services: Services,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: Patch,
) -> None:
    """With a player of this machine, which has ended when the command does; or in a file."""
    release_with_lines(services)
    speak(services, Basis())
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    assert 1 == main(["say", YOUTUBE, "es", "1"])
    assert b"There is no program here that plays it" in capfdbinary.readouterr().err
    player = programs / "paplay"
    player.write_text(
        f'#!/bin/sh\nexec {shutil.which("cp", path=os.defpath)} "$1" {tmp_path}/heard'
    )
    player.chmod(0o755)
    assert 0 == main(["say", YOUTUBE, "es", "1"])
    assert SOUNDS[1] == (tmp_path / "heard").read_bytes()
    assert 0 == main(["say", YOUTUBE, "es", "2", "--to", str(tmp_path / "line.flac")])
    assert SOUNDS[2] == (tmp_path / "line.flac").read_bytes()
    player.write_text("#!/bin/sh\nexit 3")
    assert 1 == main(["say", YOUTUBE, "es", "1"])
    assert b"paplay could not play it" in capfdbinary.readouterr().err
    sent = subprocess.run(
        [*DUB, "say", YOUTUBE, "es", "0", "--to", "-"], capture_output=True, check=True
    )
    assert SOUNDS[0] == sent.stdout


@pytest.mark.usefixtures("url")
def test_edits_from_before_a_correction_are_shown(services: Services, capsys: Printed) -> None:
    """As something to look at; `retry` has nothing to make of a dub that is stale by them alone."""
    release_with_lines(services)
    assert 0 == main(["edit", YOUTUBE, "es", "1", "Hay calma."])
    assert 0 == main(["correct", YOUTUBE, "1", "The harbor is quiet."])
    capsys.readouterr()
    assert 0 == main(["lines", YOUTUBE, "es", "--problems"])
    # The table is as wide as the terminal, which breaks its cells.
    told = capsys.readouterr().out.split()
    assert {"(edited", "before", "corrected)"} <= {*told}
    assert 0 == main(["lines", YOUTUBE, "es", "--problems", "--json"])
    shown = json.loads(capsys.readouterr().out)["lines"]
    assert [1] == [line["number"] for line in shown if line["stale"]]
    made = services.registry.dub(YOUTUBE, "es").release
    assert made is not None
    newer = replace(made, revision=1, old_edits=1)
    services.registry.release(YOUTUBE, "es", newer, film_key=None, beside={}, run_id="run")
    assert [0, 0, 1] == [
        main(asked) for asked in (["status", YOUTUBE], ["videos"], ["retry", YOUTUBE])
    ]
    said, refused = capsys.readouterr()
    assert "ago, with lines edited before their source was corrected" in said
    assert "es released (stale)" in said
    assert "failed or is stale" in refused


@pytest.mark.usefixtures("url")
def test_what_somebody_has_seen_is_noted_without_a_word_of_it(
    services: Services, tmp_path: Path
) -> None:
    """And others of the machine cannot read it."""
    release_with_lines(services)
    assert 0 == main(["lines", YOUTUBE, "es"])
    [noted] = (tmp_path / "state").rglob("*.json")
    assert {str(number): tag(text) for number, text in enumerate(TEXTS)} == json.loads(
        noted.read_text()
    )
    assert 0 == noted.stat().st_mode & 0o077


@pytest.mark.parametrize("how", ["-", "--file", "piped", "editor"])
def test_a_text_comes_from_anywhere(
    services: Services, url: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No shell has to quote it."""
    release_with_lines(services)
    said = '«¡Qué "día"!»'
    (tmp_path / "text.txt").write_text(f"{said}\n")
    monkeypatch.setenv("VISUAL", f"cp '{tmp_path / 'text.txt'}'")
    typed = {"-": ["-"], "--file": ["--file", str(tmp_path / "text.txt")]}.get(how, [])
    with (tmp_path / "text.txt").open() as piped:
        monkeypatch.setattr(sys, "stdin", piped)
        monkeypatch.setattr(
            "dub_platform.client.commands.editing.is_typing", lambda: how == "editor"
        )
        assert 0 == main(["edit", YOUTUBE, "es", "1", *typed])
    assert said == texts(url)[1]


@pytest.mark.usefixtures("url")
def test_an_editor_that_changes_nothing_edits_nothing(
    services: Services, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """Nor one that fails."""
    release_with_lines(services)
    monkeypatch.setattr("dub_platform.client.commands.editing.is_typing", lambda: True)
    for editor in ("true", "false", "no-such-editor"):
        monkeypatch.setenv("VISUAL", editor)
        assert 1 == main(["edit", YOUTUBE, "es", "1"])
    told = capsys.readouterr().err.splitlines()
    assert all("nothing was written" in line for line in told)
    assert 3 == len(told)


def test_lines_go_to_a_subtitle_editor_and_back(
    services: Services, url: str, tmp_path: Path, capsys: Printed
) -> None:
    """What says something else there is edited, and what another has changed stays."""
    release_with_lines(services)
    file = tmp_path / "lines.srt"
    assert 0 == main(["export", YOUTUBE, "es", str(file)])
    subtitles = pysubs2.load(str(file))
    assert [*TEXTS] == [line.text for line in subtitles]
    assert (1000, 1400) == (subtitles[1].start, subtitles[1].end)
    subtitles[1].text = r"Hay calma\Nen el puerto."
    subtitles.save(str(file))
    capsys.readouterr()
    assert 0 == main(["import", YOUTUBE, "es", str(file)])
    assert [TEXTS[0], "Hay calma en el puerto.", TEXTS[2]] == texts(url)
    assert 0 == main(["import", YOUTUBE, "es", str(file)])
    assert "Lines that say something else now: 1\nNothing is new.\n" == capsys.readouterr().out
    with DubClient(url) as somebody_else:
        somebody_else.edit(YOUTUBE, "es", 2, "¡Sí!")
    assert 1 == main(["import", YOUTUBE, "es", str(file)])
    assert "It says now: ¡Sí!" in capsys.readouterr().err
    assert "¡Sí!" == texts(url)[2]


@pytest.mark.usefixtures("url")
def test_a_video_is_removed(services: Services, capsys: Printed) -> None:
    """The second time there is none, which is said in the platform's words."""
    release(services, YOUTUBE, "es")
    assert [0, 1] == [main(["remove", YOUTUBE]), main(["remove", YOUTUBE])]
    assert "It did not work. There is no video" in capsys.readouterr().err


@pytest.mark.usefixtures("url")
def test_what_happened_to_a_video_is_told(services: Services, capsys: Printed) -> None:
    """A line for each event, also for a program; with the reason of a failure."""
    release(services, YOUTUBE, "es")
    fail(services)
    assert [0, 0] == [main(["events", YOUTUBE]), main(["events", YOUTUBE, "--json"])]
    lines = capsys.readouterr().out.splitlines()
    shown, told = lines[: len(lines) // 2], [json.loads(line) for line in lines[len(lines) // 2 :]]
    assert ["video.queued", "dub.failed"] == [told[0]["type"], told[-1]["type"]]
    assert shown[0].endswith("video  queued")
    assert shown[-1].endswith("ca     failed: The voice [x] ended.")


@pytest.mark.usefixtures("url")
def test_what_failed_is_made_again(services: Services, capsys: Printed) -> None:
    """And where nothing did, that is told."""
    release(services, YOUTUBE, "es")
    fail(services)
    assert [0, 1] == [main(["retry", YOUTUBE]), main(["retry", YOUTUBE])]
    assert "Catalan (ca) queued" in capsys.readouterr().out
    assert 2 == services.registry.dub(YOUTUBE, "ca").generation


@pytest.mark.usefixtures("url")
def test_captions_are_fetched(services: Services, tmp_path: Path, capsys: Printed) -> None:
    """Those of a dub that is released."""
    release(services, YOUTUBE, "es")
    services.registry.ask(YOUTUBE, "ca")
    assert 0 == main(["captions", YOUTUBE, "es"])
    assert "Bon dia." in capsys.readouterr().out
    file = tmp_path / "es.vtt"
    assert 0 == main(["captions", YOUTUBE, "es", "--kind", "vtt", "--to", str(file), "--original"])
    assert file.read_text().startswith("WEBVTT")
    assert 1 == main(["captions", YOUTUBE, "ca"])
    assert "there is none before it is released" in capsys.readouterr().err


@pytest.mark.usefixtures("url")
def test_an_address_is_opened(
    services: Services, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """That of the language that is named."""
    release(services, YOUTUBE, "es")
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert [0, 0, 1] == [main(["open", YOUTUBE, *language]) for language in ([], ["es"], ["gl"])]
    link = f"http://dub.test/watch?v={YOUTUBE}&lang=es"
    assert ([link, link], f"{link}\n{link}\n") == (opened, capsys.readouterr().out)


@pytest.mark.usefixtures("url")
def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: Printed) -> None:
    """And not taken for a link."""
    for given in ("nofile.mp4", "clips/nofile.mp4", str(tmp_path)):
        assert 1 == main(["add", given, "--to", "es"])
    assert 1 == main(["add", YOUTUBE, "--to", "es", "--captions", "a.srt"])
    first, second, folder, link = capsys.readouterr().err.splitlines()
    assert "It did not work. There is no file nofile.mp4. Check the path" in first
    assert "There is no file clips/nofile.mp4." in second
    assert "is a folder" in folder
    assert "Captions and a title go with a file" in link


@pytest.mark.parametrize(
    ("typed", "example"),
    [
        ([], "dub add clip.mp4 --to es,ca"),
        (["add", "clip.mp4"], "dub add clip.mp4 --to es,ca"),
        (["edit", "up-e3c8"], 'dub edit up-e3c8 es 3 "Bon dia."'),
        (["webhooks", "add"], "dub webhooks add https://example.com/hook"),
    ],
)
def test_who_types_it_wrong_reads_how_it_goes(
    typed: list[str], example: str, capsys: Printed
) -> None:
    """The exit status is that of other commands."""
    with pytest.raises(SystemExit) as exited:
        main(typed)
    assert 2 == exited.value.code
    assert f"For example: {example}" in capsys.readouterr().err


def test_a_link_is_whole_and_can_be_clicked_in_a_narrow_terminal(
    services: Services, url: str
) -> None:
    """It is alone on its line."""
    release(services, YOUTUBE, "es")
    link = f"http://dub.test/watch?v={YOUTUBE}&lang=es"
    shown = in_terminal(["status", YOUTUBE], url)
    assert f";{link}\x1b\\{link}\x1b]8;;\x1b\\" in shown
    [line] = [row for row in shown.splitlines() if link in row]
    assert line.startswith("\x1b]8;")
    elsewhere = {**os.environ, "DUB_URL": url}
    piped = subprocess.run(
        [*DUB, "status", YOUTUBE], env=elsewhere, capture_output=True, check=True
    )
    assert b"\x1b" not in piped.stdout + piped.stderr


def in_terminal(arguments: list[str], url: str) -> str:
    """What a terminal of 40 columns is sent."""
    ours, its = pty.openpty()
    environment = {
        **os.environ,
        "DUB_URL": url,
        "TERM": "xterm-256color",
        "COLUMNS": "40",
        "COLORTERM": "truecolor",
    }
    with subprocess.Popen([*DUB, *arguments], stdin=its, stdout=its, env=environment):
        os.close(its)
        told = b""
        # Linux answers with an error once nobody has the other end.
        with suppress(OSError):
            while block := os.read(ours, 4096):
                told += block
    os.close(ours)
    return told.decode()


def test_it_starts_without_the_platform() -> None:
    """Nothing of ours but the client is loaded, and no framework."""
    code = (
        "import sys, dub_platform.client.command; "
        "print([name for name in ('dagster', 'starlette', 'sqlalchemy', 'pydantic', "
        "'dub_platform.core', 'dub_platform.settings') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == run.stdout.strip()
