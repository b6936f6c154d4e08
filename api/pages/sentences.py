"""What viewers are told of a failure; they can neither change settings nor look at logs.

    viewers_sentence(failure)       # "The site that has this video could not be reached. ..."

The API's own sentences are for whoever submitted the video, and name settings where only an
operator can help. Such a sentence is not shown to viewers.
"""

from __future__ import annotations

import re

from api.contract.schemas import Failure
from dub_platform.core.errors import MisheardError

_SETTING = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")
_OURS = "It could not be made, through no fault of the video."
_SENTENCES = {
    "source_unreachable": "The site that has this video could not be reached. It may work later.",
    "source_bot_check": "The site that has this video took us for a robot, and did not let us in.",
    "cost_cap_reached": "What may be spent on dubs here is spent for now.",
    "gate_failed": "What was made of it did not pass the checks, so it was not published.",
}
# The first word of an error code tells whose fault it is.
_FAMILIES = {
    "source": "This video could not be had from the site that has it.",
    "media": "This video cannot be dubbed as it is.",
    "video": "This video cannot be dubbed as it is.",
    "provider": "A service that speaks or translates for us did not do its part.",
    "engine": "What listens, translates or speaks here did not do its part.",
}
# For these the cause lies in the video, so the API's sentence helps everybody.
_TOLD = ("media", "video", "source", "spoken", "language")


def viewers_sentence(failure: Failure) -> str:
    """Return why there is nothing to watch, in a sentence that a viewer can use."""
    family = failure.code.partition("_")[0]
    if failure.code == MisheardError.code:
        # The first part tells how sure the recogniser is; the page itself says what can be done.
        return f"{failure.message.partition(':')[0].rstrip('.')}."
    if failure.code in _SENTENCES:
        return _SENTENCES[failure.code]
    if family in _TOLD and not _SETTING.search(failure.message):
        return failure.message
    return _FAMILIES.get(family, _OURS)
