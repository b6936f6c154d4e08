"""What a package declares of an engine: what it can do, as data, and how it is made.

    ENGINE = SeparatorEngine(about="...", make=make_separator)
    ENGINE.make(Chosen(settings, "separator", "demucs"))

`facts` is asked by processes that never make the engine: it imports nothing of the engine's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from dub_platform.core.errors import EngineUnavailableError
from dub_platform.engines import provisions
from dub_platform.entry_points import find
from dub_platform.settings import Settings

if TYPE_CHECKING:
    from resources.models.installed import ModelFolder
    from resources.providers.ledger import Ledger
    from resources.separator.port import Separator
    from resources.store.port import Store
    from resources.system.calls import CallPolicy
    from resources.transcriber.capabilities import TranscriberFacts
    from resources.transcriber.port import Transcriber
    from resources.translator.capabilities import TranslatorFacts
    from resources.translator.port import Translator
    from resources.voice.capabilities import VoiceFacts
    from resources.voice.port import Voice


@dataclass(frozen=True)
class Chosen:
    """What an engine is made with: the settings, and what the platform has for all engines."""

    settings: Settings
    role: str
    name: str

    @cached_property
    def variables(self) -> Mapping[str, str]:
        """The engine's own variables by what follows its name: API_KEY of DUB_HUM_API_KEY."""
        return self.settings.variables_below(find(self.role, self.name).prefix)

    def require(self, variable: str) -> str:
        """Read one of its own variables. Raises EngineUnavailableError where it is not set."""
        if value := self.variables.get(variable):
            return value
        full = find(self.role, self.name).prefix + variable
        raise EngineUnavailableError(
            f"DUB_{self.role.upper()}={self.name} needs {full}, which is not set: set it in .env "
            "or the environment, or choose another engine."
        )

    @cached_property
    def models(self) -> ModelFolder:
        """The weights on this machine, by kind and name."""
        return provisions.models(self.settings)

    @cached_property
    def ledger(self) -> Ledger:
        """What is paid, under the caps of this deployment."""
        return provisions.ledger(self.settings)

    @cached_property
    def policy(self) -> CallPolicy:
        """How long and how often a provider is tried."""
        return provisions.policy(self.settings)


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What all have. `about` is a sentence, `needs` what has to be installed or had for it."""

    role: ClassVar[str]
    about: str
    needs: str = ""


@dataclass(frozen=True, kw_only=True)
class TranscriberEngine(Declaration):
    """A recogniser. One that is paid for keeps its answers in the store that it is handed."""

    role = "transcriber"
    facts: Callable[[Chosen], TranscriberFacts]
    make: Callable[[Chosen, Store], Transcriber]


@dataclass(frozen=True, kw_only=True)
class TranslatorEngine(Declaration):
    """A translator. One that is paid for keeps its answers in the store that it is handed."""

    role = "translator"
    facts: Callable[[Chosen], TranslatorFacts]
    make: Callable[[Chosen, Store], Translator]


@dataclass(frozen=True, kw_only=True)
class VoiceEngine(Declaration):
    """A voice. What it speaks is kept and paid for by the platform, never by itself."""

    role = "voice"
    facts: Callable[[Chosen], VoiceFacts]
    make: Callable[[Chosen], Voice]


@dataclass(frozen=True, kw_only=True)
class SeparatorEngine(Declaration):
    """What takes voices out of sounds."""

    role = "separator"
    make: Callable[[Chosen], Separator]


@dataclass(frozen=True, kw_only=True)
class StoreEngine(Declaration):
    """A place for artifacts. It may be handed a client for its server, one that the process has."""

    role = "store"
    make: Callable[[Chosen, Any], Store]
