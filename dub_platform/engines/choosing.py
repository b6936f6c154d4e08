"""The engine that a setting names: found, imported, and made, or an error that names its package.

choice = choose(settings, VoiceEngine)
choice.facts.languages
voice = choice.make(choice.declared.make, choice.chosen)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar

from dub_platform.core.errors import DubError, EngineUnavailableError
from dub_platform.engines.declarations import Chosen, Declaration
from dub_platform.entry_points import Installed, find
from dub_platform.settings import Settings

D = TypeVar("D", bound=Declaration)
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Choice(Generic[D]):
    """What the package declares of the engine that a setting names."""

    installed: Installed
    declared: D
    chosen: Chosen

    def ask(self, declared: Callable[[Chosen], T]) -> T:
        """Ask what is declared of the engine with these settings."""
        return self.make(declared, self.chosen)

    def make(self, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what the package declares. Raises EngineUnavailableError for whatever goes wrong
        there that is no error of the platform's own."""
        with _naming(self.installed):
            return make(*args, **kwargs)


def choose(settings: Settings, kind: type[D]) -> Choice[D]:
    """Find and import the engine that the setting of this role names.

    Raises EngineUnavailableError.
    """
    name: str = getattr(settings, kind.role)
    try:
        found = find(kind.role, name)
    except ValueError as error:
        raise EngineUnavailableError(f"DUB_{kind.role.upper()}={name}: {error}.") from None
    with _naming(found):
        declared = found.load()
    if not isinstance(declared, kind):
        raise EngineUnavailableError(
            f"{_label(found)} is no engine of this role: {found.entry.value} of the package is "
            f"not a {kind.__name__}. Ask whoever made the package, or choose another engine."
        )
    return Choice(found, declared, Chosen(settings, kind.role, name))


@contextmanager
def _naming(found: Installed) -> Iterator[None]:
    try:
        yield
    except DubError:
        raise
    except ImportError as error:
        raise EngineUnavailableError(
            f"{_label(found)} cannot be imported: {error}. Install the package again with all that "
            "it needs, wherever the platform runs, or choose another engine."
        ) from error
    except Exception as error:
        # What it says may hold a key, so it is for the log and not for who asks.
        raise EngineUnavailableError(
            f"{_label(found)} cannot be used: it failed with {type(error).__name__} when it was "
            "asked for. Ask whoever made the package, or choose another engine.",
            detail=str(error),
        ) from error


def _label(found: Installed) -> str:
    return f"DUB_{found.role.upper()}={found.name}, which the package {found.package} has,"
