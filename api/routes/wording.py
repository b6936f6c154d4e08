"""Whether a request's wording can be had here.

wording = heedable(services, order.wording)
"""

from __future__ import annotations

from api.services import Services
from dub_platform.core.errors import WordingNotAvailableError
from dub_platform.core.wording import Wording


def heedable(services: Services, wording: Wording) -> Wording:
    """`wording`, if it asks for nothing that the translator here passes over.

    Raises WordingNotAvailableError.
    """
    if wording.is_binding and not services.heeds_wording:
        raise WordingNotAvailableError(
            "The translator here heeds neither a glossary nor a formality, so the dub would not "
            "be as it is asked for. Leave both out, or ask the operator for a translator that "
            "heeds them, such as DUB_TRANSLATOR=openai."
        )
    return wording
