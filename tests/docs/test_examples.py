"""The examples in the docstrings of modules: what they call is there, and takes what it is given.

Nothing is run: an example's calls are looked up in its module, and bound to their signatures. A
name that its module does not have may be anybody's, and is left alone.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import get_type_hints

import pytest

from tests.lanes import ROOT

PACKAGES = ("api", "assets", "benchmarks", "dub_platform", "resources", "sensors")
# They ask for a server or an environment when they are imported, and have no example.
PROGRAMS = {
    "benchmarks.people",
    "dub_platform.registry.migrations.env",
    "dub_platform.processes.worker",
}


def modules() -> Iterator[str]:
    """The name of each module of ours that can be imported."""
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name not in PROGRAMS and not name.endswith("__main__"):
            yield name


def examples(documentation: str) -> Iterator[ast.Module]:
    """The paragraphs that are Python and call something."""
    for paragraph in documentation.split("\n\n"):
        try:
            tree = ast.parse(textwrap.dedent(paragraph))
        except SyntaxError:
            continue
        if any(isinstance(node, ast.Call) for node in ast.walk(tree)):
            yield tree


class Example:
    """One example, and what is known of the names in it."""

    def __init__(self, module: ModuleType, tree: ast.Module) -> None:
        self._tree = tree
        self._names = dict(vars(module))
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                made = self._type_of(node.value)
                for target in node.targets:
                    self._forget(target)
                    if made and isinstance(target, ast.Name):
                        self._names[target.id] = _Instance(made)
            elif isinstance(node, (ast.For, ast.comprehension)):
                self._forget(node.target)
            elif isinstance(node, ast.withitem) and node.optional_vars:
                self._forget(node.optional_vars)

    def faults(self) -> Iterator[str]:
        """A sentence for each call that could not be made."""
        for call in ast.walk(self._tree):
            if isinstance(call, ast.Call):
                try:
                    self._bind(call)
                except (AttributeError, TypeError) as fault:
                    yield f"{ast.unparse(call)}: {fault}"

    def _bind(self, call: ast.Call) -> None:
        function, is_method = self._function(call.func)
        if function is None:
            return
        try:
            signature = inspect.signature(function)
        except ValueError:
            return
        left_out = [each for each in call.args if not _is_left_out(each)]
        given = [None] * (len(left_out) + is_method)
        named = {each.arg: None for each in call.keywords if each.arg}
        is_whole = len(left_out) == len(call.args) and len(named) == len(call.keywords)
        (signature.bind if is_whole else signature.bind_partial)(*given, **named)

    def _function(self, node: ast.expr) -> tuple[Callable[..., object] | None, bool]:
        """What is called, and whether it is a method of an instance; (None, False) if unknown."""
        if isinstance(node, ast.Name):
            found = self._names.get(node.id)
            return (found if callable(found) else None), False
        if not isinstance(node, ast.Attribute):
            return None, False
        if isinstance(node.value, ast.Name):
            owner = self._names.get(node.value.id)
            if inspect.isclass(owner) or inspect.ismodule(owner):
                return getattr(owner, node.attr), False
            if isinstance(owner, _Instance):
                return _method(owner.kind, node.attr)
        made = self._type_of(node.value)
        return _method(made, node.attr) if made else (None, False)

    def _type_of(self, node: ast.expr) -> type | None:
        """The class of what a call gives, where it is a class of ours."""
        if not isinstance(node, ast.Call):
            return None
        function, _ = self._function(node.func)
        if not inspect.isclass(function):
            if not inspect.isroutine(function):
                return None
            try:
                function = get_type_hints(function).get("return")
            except (NameError, TypeError):  # of a name that only the type checker has
                return None
        is_ours = inspect.isclass(function) and function.__module__.partition(".")[0] in (
            *PACKAGES,
            "tests",
        )
        return function if is_ours else None

    def _forget(self, target: ast.expr) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                self._names.pop(node.id, None)


class _Instance:
    """An instance of a class, that a name of an example stands for."""

    def __init__(self, kind: type) -> None:
        self.kind = kind


def _method(kind: type, name: str) -> tuple[Callable[..., object] | None, bool]:
    fields = {field for base in kind.__mro__ for field in vars(base).get("__annotations__", {})}
    if name in fields:
        return None, False
    getattr(kind, name)
    found = inspect.getattr_static(kind, name)
    if isinstance(found, staticmethod):
        return found.__func__, False
    if isinstance(found, classmethod):
        return found.__func__, True
    return (found, True) if inspect.isfunction(found) else (None, False)


def _is_left_out(node: ast.expr) -> bool:
    is_dots = isinstance(node, ast.Constant) and node.value is Ellipsis
    return is_dots or isinstance(node, ast.Starred)


def faults(module: ModuleType, documentation: str) -> list[str]:
    """What could not be called as the documentation of the module has it."""
    return [fault for tree in examples(documentation) for fault in Example(module, tree).faults()]


@pytest.mark.parametrize("name", modules())
def test_an_example_calls_what_is_there(name: str) -> None:
    """By the names and with the arguments that it has."""
    module = importlib.import_module(name)
    assert [] == faults(module, inspect.getdoc(module) or "")


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ("modules(1)", "too many positional arguments"),
        ("example = Example(module, tree)\nexample.lapses()", "'lapses'"),
        ("Example(module, tree, trees=2)", "unexpected keyword argument 'trees'"),
        ("inspect.getdocument(module)", "'getdocument'"),
        ("for tree in examples():\n    ...", "missing a required argument"),
    ],
)
def test_a_stale_example_is_found(example: str, said: str) -> None:
    """A name that is gone, and arguments that are others now."""
    [fault] = faults(importlib.import_module(__name__), example)
    assert said in fault


@pytest.mark.parametrize(
    "example",
    [
        "faults(...)",
        "anything(1, 2)",
        "for examples in anything():\n    examples()",
        "faults(*both)",
    ],
)
def test_what_cannot_be_known_is_no_fault(example: str) -> None:
    """Arguments that are left out, and names of whoever reads it."""
    assert [] == faults(importlib.import_module(__name__), example)
