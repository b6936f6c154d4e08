"""Whether the translator can heed the wording (glossary, formality) of a request.

wording = require_heedable(services, order.wording)
"""

from __future__ import annotations

from api.services import Services
from dub_platform.core.errors import WordingNotAvailableError
from dub_platform.core.style.wording import Wording


def require_heedable(services: Services, wording: Wording) -> Wording:
    """Return `wording` if the translator of this deployment heeds all of it.

    Raises WordingNotAvailableError.
    """
    if wording.is_binding and not services.heeds_wording:
        raise WordingNotAvailableError(
            "The translator here heeds neither a glossary nor a formality, so the dub would not "
            "be as it is asked for. Leave both out, or ask the operator for a translator that "
            "heeds them, such as DUB_TRANSLATOR=openai."
        )
    return wording
