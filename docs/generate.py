"""Writes the tables of the documents that say what the code says.

    python -m docs.generate            # write them
    python -m docs.generate --check    # name what is stale, and end with 1 if anything is

A table stands in a page between `<!-- table: settings -->` and `<!-- end -->`, a file that is shown
as it is between `<!-- code: PATH -->` and `<!-- end -->`; all around them is written by hand.
`.env.example` has the settings above the line that begins with COMPOSED, and below it, by hand,
what docker-compose.yml alone reads.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import inspect
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from api.contract.operation import Operation
from api.contract.problems import HTTP_CODE
from api.document import document
from api.middleware.metrics import Metrics
from api.operations import OPERATIONS
from api.request_log import Exchange
from dub_platform.core.errors import DubError
from dub_platform.core.languages import language
from dub_platform.core.service.metrics import METRICS
from dub_platform.engines import (
    Declaration,
    SeparatorEngine,
    StoreEngine,
    TranscriberEngine,
    TranslatorEngine,
    VoiceEngine,
    choose,
)
from dub_platform.entry_points import installed
from dub_platform.registry.database.engine import engine_at
from dub_platform.registry.database.tables import metadata, utc_now
from dub_platform.registry.tallies import Tallies
from dub_platform.settings import Settings
from dub_platform.variables import FORMER
from resources.models.catalogue import Entry, read_catalogue
from resources.models.coverage import Coverage, list_coverage
from resources.voice.capabilities import ESPEAK_LANGUAGES

ROOT = Path(__file__).resolve().parents[1]
ENV = ROOT / ".env.example"
HEADING = (
    "# Every setting, with its default. Copy this file to .env and take the # away from what you "
    "change.\n"
)
COMPOSED = "# For docker-compose.yml only"
CODE = re.compile(r"(?ms)^(<!-- code: ([\w./-]+) -->\n).*?(^<!-- end -->$)")
TABLE = re.compile(r"(?ms)^(<!-- table: ([\w-]+) -->\n).*?(^<!-- end -->$)")
# What HTTP itself refuses, for who reads of it; an answer has its own sentence.
OF_HTTP: Mapping[int, str] = {
    400: "The body is neither JSON nor a form, or the request names no host or two.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    414: "The address is longer than 8 KiB.",
    415: "The body is neither JSON nor a form: send one of these.",
    416: "The file is shorter than the range asked for.",
    431: "The headers are larger than 32 KiB together.",
    503: "Too many files and streams are being read from this process, or by this client: try "
    "again in a while.",
}
# The page that has more to say of a setting, from the folder of the reference.
PAGES: Mapping[str, str] = {
    "DUB_AUTH": "../guides/keys.md",
    "DUB_LINK_SECRET": "../guides/who-may-watch.md",
    "DUB_RATE_LIMITS": "../operation/limits.md",
    "DUB_METRICS_TOKEN": "../operation/metrics.md",
    "DUB_DRAIN_SECONDS": "../operation/upgrading.md",
    "DUB_ORIGINAL": "../guides/original-voice.md",
    "DUB_DEMUCS_MODEL": "../guides/original-voice.md",
    "DUB_FFMPEG": "../operation/ffmpeg.md",
    "DUB_STORE": "../guides/bucket.md",
    "DUB_TRANSCRIBER": "engines.md",
    "DUB_TRANSLATOR": "engines.md",
    "DUB_VOICE": "engines.md",
    "DUB_SEPARATOR": "engines.md",
    "DUB_POOLS": "../operation/machines.md",
    "DUB_RETENTION_DAYS": "../operation/retention.md",
    "DUB_WEBHOOK_RECEIVERS": "../guides/events.md",
    "DUB_LOG_FORMAT": "../operation/logs.md",
    "SENTRY_DSN": "../operation/metrics.md",
}
# What ARCHITECTURE shows of the tree, in the order of the layers, and how deep.
PACKAGES = ("dub_platform", "api", "sensors", "assets", "resources", "benchmarks", "docs", "tests")
DEEPEST, LONGEST = 3, 100
KINDS = (TranscriberEngine, TranslatorEngine, VoiceEngine, SeparatorEngine, StoreEngine)
_VARIABLE = re.compile(r"(?<![`\w])((?:DUB|OPENAI)_[A-Z0-9_]+(?:=\w+)?)(?!`)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the documents or compare them; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate")
    parser.add_argument("--check", action="store_true", help="write nothing, name what is stale")
    is_check = parser.parse_args(arguments).check
    stale = [(path, text) for path, text in documents() if path.read_text() != text]
    for path, text in stale:
        name = path.relative_to(ROOT)
        if is_check:
            _say(f"{name} is not what the code says: run `make docs-reference`.")
            _say_difference(path.read_text(), text)
        else:
            path.write_text(text)
            _say(f"{name} is written.")
    return 1 if is_check and stale else 0


def documents() -> Iterator[tuple[Path, str]]:
    """Every document that has a table, with its text as it should be."""
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]):
        text = path.read_text()
        if TABLE.search(text) or CODE.search(text):
            yield path, fill_code(fill_tables(text))
    yield ENV, env_example(ENV.read_text())


def fill_tables(text: str) -> str:
    """A page with its tables as the code has them. Raises KeyError for one that nothing writes."""
    return TABLE.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[3]}", text)


def fill_code(text: str) -> str:
    """A page with the files that it shows as they are."""
    return CODE.sub(lambda found: f"{found[1]}\n{_fenced(ROOT / found[2])}\n{found[3]}", text)


def _fenced(path: Path) -> str:
    language = {".py": "python"}.get(path.suffix, path.suffix[1:])
    return f"```{language}\n{path.read_text().rstrip()}\n```\n"


def env_example(text: str) -> str:
    """The file with all settings, above what it has for docker-compose.yml."""
    settings = [
        f"# {_with_choices(name, field)}\n#{name}={default_of(field)}\n"
        for name, field in settings_by_variable().items()
    ]
    composed = text.partition(COMPOSED)[2]
    return "\n".join([HEADING, *settings, COMPOSED + composed])


def settings_by_variable() -> Mapping[str, FieldInfo]:
    """Every setting by the name of its variable, in the order of the code."""
    prefix = Settings.model_config["env_prefix"]
    return {
        str(field.validation_alias or f"{prefix}{name.upper()}"): field
        for name, field in Settings.model_fields.items()
    }


def default_of(field: FieldInfo) -> str:
    """A setting's default as its variable would have it."""
    value = field.default
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def error_kinds(kind: type[DubError] = DubError) -> Iterator[type[DubError]]:
    """Every error of the tree, from its root, as `core/errors.py` draws it."""
    yield kind
    for child in kind.__subclasses__():
        yield from error_kinds(child)


def make_targets() -> Mapping[str, str]:
    """What `make help` lists."""
    found = re.findall(r"^([a-z-]+):.*## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return dict(found)


def _settings() -> str:
    rows = []
    for name, field in settings_by_variable().items():
        more = f" ([more]({PAGES[name]}))" if name in PAGES else ""
        meaning = _VARIABLE.sub(r"`\1`", (field.description or "")) + more
        rows.append((_code(name), _code(default_of(field)), _values(name, field), meaning))
    return _table(("variable", "default", "can be", "meaning"), rows)


def _with_choices(name: str, field: FieldInfo) -> str:
    """What a setting means, and what it can be where that does not say it already."""
    said, choices = field.description or "", _choices(field.annotation)
    if engines := _engines_of(name):
        return f"{said} One of: {', '.join(engines)}; or an engine of another package."
    if all(re.search(rf"\b{choice}\b", said) for choice in choices):
        return said
    return f"{said} One of: {', '.join(choices)}."


def _values(name: str, field: FieldInfo) -> str:
    """What a setting can be, as far as its type and our engines say."""
    kind = field.annotation
    if choices := _choices(kind) or _engines_of(name):
        return ", ".join(map(_code, choices))
    kinds = {kind, *get_args(kind)}
    if bool in kinds:
        return "`true`, `false`"
    if SecretStr in kinds:
        return "a secret"
    if Path in kinds:
        return "a path"
    bounds = [*field.metadata, *(each for one in get_args(kind) for each in _metadata(one))]
    return _bounds(bounds)


def _metadata(kind: Any) -> Sequence[object]:
    return tuple(getattr(kind, "__metadata__", ()))


def _choices(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return [str(each) for each in get_args(kind)]
    return [choice for each in get_args(kind) for choice in _choices(each)]


def _bounds(bounds: Iterable[object]) -> str:
    least = next((f"{each.ge}" for each in bounds if isinstance(each, Ge)), None)
    above = next((f"more than {each.gt}" for each in bounds if isinstance(each, Gt)), "")
    most = next((f"{each.le}" for each in bounds if isinstance(each, Le)), None)
    if least is None:
        return above
    return f"{least} to {most}" if most else f"{least} or more"


def _engines_of(variable: str) -> list[str]:
    """The names of our own engines that a setting can have; whatever else is installed here."""
    role = variable.removeprefix("DUB_").lower()
    return [each.name for each in installed() if each.is_ours and each.role == role]


def _engines() -> str:
    """Our engines, with what they say of themselves where nothing is set and no model is here."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            (_code(f"DUB_{kind.role.upper()}={name}"), *_about_engine(kind, name, Path(folder)))
            for kind in KINDS
            for name in _engines_of(f"DUB_{kind.role.upper()}")
        ]
    return _table(("setting", "is", "languages", "costs", "needs"), rows)


def _about_engine(kind: type[Declaration], name: str, models: Path) -> tuple[str, ...]:
    # Not checked: what it says of itself does not depend on a key.
    chosen: dict[str, Any] = {"models_dir": models, kind.role: name}
    settings = Settings.model_construct(None, **chosen)
    choice = choose(settings, kind)
    declared, languages, cost = choice.declared, "", "nothing"
    if isinstance(declared, VoiceEngine):
        voice = choice.ask(declared.facts)
        languages = str(len(voice.languages))
        usd = voice.cost_usd(1000 * "a", None)
        cost = f"${usd:.2f} for 1,000 characters" if usd else cost
    elif isinstance(declared, TranslatorEngine):
        translator = choice.ask(declared.facts)
        languages = str(len(translator.languages) or "by pairs")
        languages += ", heeds wording" if translator.heeds_wording else ""
        usd = translator.usd_per_million_output_tokens
        cost = f"${usd:.2f} for 1,000,000 tokens written" if usd else cost
    elif isinstance(declared, TranscriberEngine):
        recogniser = choice.ask(declared.facts)
        languages = "tells them" if recogniser.detects_languages else "is told which"
        usd = recogniser.usd_per_minute
        cost = f"${usd:.4f} for a minute" if usd else cost
    return declared.about, languages, cost, declared.needs


def _former_names() -> str:
    rows = [(_code(former), _code(ours)) for former, ours in FORMER.items()]
    return _table(("variable", "stands for"), rows)


def _composed() -> str:
    """What `.env.example` has for docker-compose.yml."""
    below = ENV.read_text().partition(COMPOSED)[2]
    found = re.findall(r"(?m)((?:^#? ?.*\n)+?)^#(\w+)=(.*)$", below)
    rows = [(_code(name), _code(value), _sentence(said)) for said, name, value in found]
    return _table(("variable", "default", "meaning"), rows)


def _sentence(comment: str) -> str:
    """A comment of lines that begin with #, the last sentences of it that are of its variable."""
    text = " ".join(line.strip("# ") for line in comment.splitlines()).strip()
    return text.partition("must be set. ")[2] or text


def _endpoints() -> str:
    paths = document("", "")["paths"]
    rows = [
        (
            _code(f"{each.method} {each.path}"),
            each.summary,
            _asked(each, paths[each.path][each.method.lower()]),
            ", ".join(str(status) for status in each.answers),
        )
        for each in OPERATIONS
    ]
    return _table(("request", "does", "takes", "answers"), rows)


def _asked(operation: Operation, described: Mapping[str, Any]) -> str:
    """The parameters of the query, and the fields of a body, each in the order of the code."""
    query = [each["name"] for each in described["parameters"] if each["in"] == "query"]
    schemas = document("", "")["components"]["schemas"]
    fields = dict.fromkeys(
        field
        for shape in operation.body.values()
        for field in schemas[shape.__name__]["properties"]
    )
    parts = [f"`?{'`, `'.join(query)}`" if query else "", ", ".join(map(_code, fields))]
    return "; ".join(filter(None, parts))


def _errors() -> str:
    answered = _answered()
    ours = {kind.code: kind for kind in error_kinds() if _is_met(kind)}
    rows = [
        (_code(code), answered.get(code, ""), "yes" if kind.retryable else "", _summary(kind))
        for code, kind in ours.items()
    ]
    of_http = [
        (_code(code), str(status), "", OF_HTTP[status])
        for status, code in HTTP_CODE.items()
        if code not in ours
    ]
    return _table(("code", "HTTP", "again?", "what happened"), [*rows, *of_http])


def _is_met(kind: type[DubError]) -> bool:
    """Whether somebody meets it: a leaf of the tree, or a branch that is raised by itself."""
    return kind is not DubError and (not kind.__subclasses__() or bool(kind.__doc__))


def _answered() -> Mapping[str, str]:
    """The status that each code is answered with, of those that any address answers."""
    pairs = {
        (code, status)
        for each in OPERATIONS
        for status, codes in each.codes.items()
        for code in codes
    }
    return {code: str(status) for code, status in sorted(pairs)}


def _summary(kind: type[DubError]) -> str:
    """The first paragraph of its docstring. Raises ValueError where it has none."""
    if not kind.__doc__:
        raise ValueError(f"{kind.__name__} does not say in a docstring what happened")
    return " ".join(inspect.cleandoc(kind.__doc__).partition("\n\n")[0].split())


def _metrics() -> str:
    rows = [
        (_code(_name(family)), ", ".join(map(_code, _labels(family))), family.documentation)
        for family in _families()
        if not family.name.startswith("process_")
    ]
    return _table(("metric", "labels", "is"), rows)


def _families() -> list[Family]:
    """What a process tells that has an empty registry and has answered one request."""
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_at(f"sqlite:///{folder}/registry.sqlite")
        metadata.create_all(engine)
        metrics = Metrics(Tallies(engine), lambda: {"SENSOR": utc_now()})
        scope = {"method": "GET", "app": SimpleNamespace(routes=[])}
        metrics.note(Exchange(scope))
        text = metrics.text().decode()
        engine.dispose()
    return list(text_string_to_metric_families(text))


def _name(family: Family) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(family: Family) -> Sequence[str]:
    if family.name in METRICS:
        return METRICS[family.name].labels
    return [name for name in dict(family.samples[0].labels) if name != "le"]


def _targets() -> str:
    rows = [(_code(f"make {name}"), does) for name, does in make_targets().items()]
    return _table(("target", "does"), rows)


def _languages() -> str:
    """The languages that whole dubs are made of on this machine, by the catalogue of models."""
    covered = [each for each in _covered() if each.is_target or each.is_source]
    rows = [
        (
            _code(each.code),
            language(each.code).name,
            _code(each.listens.full_name) if each.listens else "no: bring captions",
            _translated(each, each.from_english, is_there=each.is_target),
            _translated(each, each.into_english, is_there=each.is_source),
            *_spoken(each),
        )
        for each in covered
    ]
    into, out_of = (sum(each.is_target for each in covered), sum(e.is_source for e in covered))
    said = f"Videos can be dubbed into {into} languages, and from {out_of}.\n\n"
    header = ("tag", "language", "heard by", "from English by", "into English by")
    return said + _table((*header, "spoken by", "its licence", "to earn with"), rows)


def _covered() -> Iterator[Coverage]:
    return list_coverage(read_catalogue(), ESPEAK_LANGUAGES)


def _translated(each: Coverage, model: Entry | None, *, is_there: bool) -> str:
    if each.code == "en":
        return "itself"
    if model is None or not is_there:
        return "nobody"
    measured = f", {model.quality}" if model.quality else ""
    return f"`{model.name}`, {model.bytes / 1e6:.0f} MB{measured}"


def _spoken(each: Coverage) -> tuple[str, str, str]:
    """Who speaks a language, under which licence, and whether that lets one earn with it."""
    if each.speaks is None:
        return ("eSpeak NG, a robot", "GPL-3.0-or-later", "yes") if each.is_said else ("", "", "")
    licence = each.speaks.weights_licence
    may = {True: "yes", False: "no", None: "read it"}[licence.commercial]
    return _code(each.speaks.full_name), licence.name, may


def _folders() -> str:
    """The packages, each with the first sentence of its docstring, as they lie in the checkout."""
    found = [path for top in PACKAGES for path in sorted((ROOT / top).glob("**/__init__.py"))]
    named = [(path.parent.relative_to(ROOT), _about(path)) for path in found]
    shown = [
        (f"{'  ' * (len(folder.parts) - 1)}{folder.name}/", about)
        for folder, about in named
        if about and len(folder.parts) <= DEEPEST
    ]
    lines = (f"{name:<20} {about}" for name, about in shown)
    return "\n".join(["```", *lines, "```", ""])


def _about(module: Path) -> str:
    """The first sentence of a module's docstring, without the mark at its end; if it is long, what
    stands before its colon."""
    said = ast.get_docstring(ast.parse(module.read_text())) or ""
    sentence = " ".join(said.partition("\n\n")[0].split()).partition(". ")[0].rstrip(".")
    return sentence if len(sentence) <= LONGEST else sentence.partition(": ")[0]


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(
        "|" + "".join(f" {cell} |" if cell else " |" for cell in line) + "\n" for line in lines
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _say_difference(is_there: str, should_be: str) -> None:
    lines = difflib.unified_diff(is_there.splitlines(), should_be.splitlines(), lineterm="", n=0)
    _say("\n".join([*lines][2:]))


TABLES: Mapping[str, Callable[[], str]] = {
    "settings": _settings,
    "engines": _engines,
    "former-names": _former_names,
    "composed": _composed,
    "endpoints": _endpoints,
    "errors": _errors,
    "metrics": _metrics,
    "make-targets": _targets,
    "folders": _folders,
    "languages": _languages,
}

if __name__ == "__main__":
    sys.exit(main())
