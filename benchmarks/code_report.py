"""A report on how the code reads, for whoever tidies it: it fails nothing.

    python -m benchmarks.code_report                # of the product, or of folders that are named
    report = read_code([Path("api"), Path("assets")])
    report.participles          # [Found("api/routes/lines.py", 108, "_kept")]

A participle for a name says neither what goes in nor what comes out; a private name in many modules
is one that nobody finds; a helper of one line that is called once is a detour.
"""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

PRODUCT = ("api", "assets", "dub_platform", "resources", "sensors")
MOST_MODULES = 15
MOST_OWNERS = 3
# These begin a docstring that only who has read the name before it understands.
VAGUE = ("Those", "Of", "The same", "It")
# Participles without -ed that Python names do not have as verbs or nouns.
_IRREGULAR = (
    "begun bound bought brought built caught chosen drawn driven fallen felt found given gone "
    "grown heard held hidden kept known laid led left lent lost made meant met paid said seen "
    "sent shown sold spent spoken stood sung taken taught thought told thrown torn understood "
    "won worn written"
)
# They end with -ed and are verbs or nouns.
_VERBS = "bed bleed breed embed exceed feed heed need proceed seed shed speed succeed"
_SHOWN = 20
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Found:
    """Something at a line of a file."""

    path: str
    line: int
    what: str


@dataclass(frozen=True)
class Report:
    """What was found: counts by folder or name, and places."""

    crowded_folders: Mapping[str, int]
    participles: Sequence[Found]
    common_names: Mapping[str, int]
    detours: Sequence[Found]
    vague_docstrings: Sequence[Found]
    comments_per_100_lines: Mapping[str, float]


@dataclass
class _Seen:
    """What one module defines and says."""

    path: str
    functions: list[Function] = field(default_factory=list)
    documented: list[tuple[int, str]] = field(default_factory=list)
    # How often each name is used, which an attribute is too.
    uses: Counter[str] = field(default_factory=Counter)
    code: int = 0
    comments: int = 0


def read_code(folders: Sequence[Path]) -> Report:
    """Read every module below the folders, but for migrations, which nobody changes any more."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    modules = [_read_module(path) for path in paths if "migrations/versions" not in path.as_posix()]
    owners = defaultdict[str, set[str]](set)
    for module in modules:
        for function in module.functions:
            if function.name.startswith("_") and not function.name.startswith("__"):
                owners[function.name].add(module.path)
    common = {name: len(paths) for name, paths in owners.items() if len(paths) > MOST_OWNERS}
    return Report(
        crowded_folders=_sort(_count_modules(modules)),
        participles=[found for module in modules for found in _find_participles(module)],
        common_names=_sort(common),
        detours=[found for module in modules for found in _find_detours(module)],
        vague_docstrings=[found for module in modules for found in _find_vague(module)],
        comments_per_100_lines=_count_comments(modules),
    )


def is_participle(name: str) -> bool:
    """Tell whether a name is a past participle alone, as `_kept` is and `kept_files` is not."""
    word = name.strip("_")
    is_regular = word.endswith("ed") and word.isalpha() and word not in _VERBS.split()
    return is_regular or word in _IRREGULAR.split()


def _read_module(path: Path) -> _Seen:
    text = path.read_text("utf-8")
    seen = _Seen(path.as_posix())
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function):
            seen.functions.append(node)
        if isinstance(node, Function | ast.ClassDef | ast.Module):
            line = 1 if isinstance(node, ast.Module) else node.lineno
            if said := ast.get_docstring(node):
                seen.documented.append((line, said))
        if isinstance(node, ast.Name):
            seen.uses[node.id] += 1
        elif isinstance(node, ast.Attribute):
            seen.uses[node.attr] += 1
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    seen.comments = sum(token.type == tokenize.COMMENT for token in tokens)
    blank = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    seen.code = len({token.start[0] for token in tokens if token.type not in blank})
    return seen


def _count_modules(modules: Sequence[_Seen]) -> dict[str, int]:
    paths = [Path(module.path) for module in modules]
    counts = Counter(path.parent.as_posix() for path in paths if path.name != "__init__.py")
    return {folder: count for folder, count in counts.items() if count > MOST_MODULES}


def _find_participles(module: _Seen) -> Iterator[Found]:
    for function in module.functions:
        if is_participle(function.name):
            yield Found(module.path, function.lineno, function.name)


def _find_detours(module: _Seen) -> Iterator[Found]:
    for function in module.functions:
        body = function.body[bool(ast.get_docstring(function)) :]
        is_one_line = len(body) == 1 and body[0].lineno == body[0].end_lineno
        is_plain = function.name.startswith("_") and not function.decorator_list
        if is_one_line and is_plain and module.uses[function.name] == 1:
            yield Found(module.path, function.lineno, function.name)


def _find_vague(module: _Seen) -> Iterator[Found]:
    for line, said in module.documented:
        if said.startswith(tuple(f"{word} " for word in VAGUE)):
            yield Found(module.path, line, said.partition("\n")[0])


def _count_comments(modules: Sequence[_Seen]) -> dict[str, float]:
    code, comments = Counter[str](), Counter[str]()
    for module in modules:
        folder = Path(module.path).parent.as_posix()
        code[folder] += module.code
        comments[folder] += module.comments
    return {folder: 100 * comments[folder] / count for folder, count in code.items() if count}


def _sort(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def print_report(report: Report, console: Console) -> None:
    """Print a table of counts, and for each of them the first that were found."""
    rows: Mapping[str, Sequence[str]] = {
        f"folders of more than {MOST_MODULES} modules": _list_counts(report.crowded_folders),
        "functions named by a participle": _list_places(report.participles),
        f"private names in more than {MOST_OWNERS} modules": _list_counts(report.common_names),
        "one-line helpers called once": _list_places(report.detours),
        f"docstrings that begin with {', '.join(VAGUE)}": _list_places(report.vague_docstrings),
    }
    table = Table("", "count", f"the first {_SHOWN}", show_lines=True)
    for title, found in rows.items():
        table.add_row(title, str(len(found)), "\n".join(found[:_SHOWN]))
    console.print(table)
    shares = Table("folder", "comments per 100 lines of code")
    for folder, share in sorted(report.comments_per_100_lines.items()):
        shares.add_row(folder, f"{share:.1f}")
    console.print(shares)


def _list_counts(counts: Mapping[str, int]) -> list[str]:
    return [f"{name} ({count})" for name, count in counts.items()]


def _list_places(found: Sequence[Found]) -> list[str]:
    return [f"{each.path}:{each.line} {each.what}" for each in found]


def main() -> None:
    """Print the report of the folders that are named, or of the product."""
    arguments = argparse.ArgumentParser(description=main.__doc__)
    arguments.add_argument("folders", nargs="*", type=Path, default=[*map(Path, PRODUCT)])
    print_report(read_code(arguments.parse_args().folders), Console())


if __name__ == "__main__":
    main()
