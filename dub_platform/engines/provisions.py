"""What the platform has for every engine: models, the ledger, and how long a call may take.

provisions.models(settings).find("whisper", "base")
provisions.policy(settings)
"""

from __future__ import annotations

from pydantic import SecretStr

from dub_platform.core.service.cost import Caps
from dub_platform.registry.ledger import PaidCalls
from dub_platform.settings import OpenAIServer, Settings
from resources.models.installed import ModelFolder
from resources.providers.ledger import CappedLedger, Ledger
from resources.system.calls import CallPolicy

AS_USUAL = CallPolicy()
# A model on a machine of one's own writes a page in minutes, and nobody charges for a try.
OWN_SERVER = CallPolicy(try_seconds=600.0, deadline_seconds=1800.0)


def models(settings: Settings) -> ModelFolder:
    """DUB_MODELS_DIR: the weights of engines on this machine, which runs only read."""
    return ModelFolder(settings.models_folder)


def paid_calls(settings: Settings) -> PaidCalls:
    """The table of what was paid, in the registry's database."""
    return PaidCalls.at(settings.registry_url)


def ledger(settings: Settings) -> Ledger:
    """What is paid, under the caps of this deployment."""
    caps = Caps(settings.cost_cap_per_video_usd, settings.cost_cap_per_day_usd)
    return CappedLedger(paid_calls(settings), caps)


def policy(
    settings: Settings, server: OpenAIServer | None = None, usual: CallPolicy = AS_USUAL
) -> CallPolicy:
    """How long and how often a provider is tried, or a server of one's own, which is slower."""
    if server and server.is_free:
        usual = OWN_SERVER
    tried = settings.provider_try_seconds or usual.try_seconds
    deadline = settings.provider_deadline_seconds or max(usual.deadline_seconds, tried)
    return CallPolicy(try_seconds=tried, deadline_seconds=deadline)


def agreed_usd(listed: float, given: float | None) -> float:
    """What is charged: the price that the operator sets, where anything is charged at all."""
    return given if listed and given is not None else listed


def secret(value: SecretStr | None) -> str:
    """What a setting hides; the settings have checked that it is there."""
    return value.get_secret_value() if value else ""
