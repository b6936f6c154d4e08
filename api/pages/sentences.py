"""What viewers are told of a failure; they can neither change settings nor look at logs.

    viewers_sentence(failure, texts)    # "The site that has this video could not be reached. ..."

The API's own sentences are for whoever submitted the video, and name settings where only an
operator can help. Such a sentence is not shown to viewers.
"""

from __future__ import annotations

import re

from api.contract.schemas import Failure
from api.pages.texts import Texts
from dub_platform.core.errors import MisheardError

_SETTING = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")
# For these the cause lies in the video, so the API's sentence helps everybody.
_TOLD = ("media", "video", "source", "spoken", "language")


def viewers_sentence(failure: Failure, texts: Texts) -> str:
    """Return why there is nothing to watch, in a sentence that a viewer can use.

    It is one of `texts`, or where the cause lies in the video, the API's own in English.
    """
    family = failure.code.partition("_")[0]
    if failure.code == MisheardError.code:
        # The first part tells how sure the recogniser is; the page itself says what can be done.
        return f"{failure.message.partition(':')[0].rstrip('.')}."
    if told := texts.by_key.get(f"failed_{failure.code}"):
        return str(told)
    if family in _TOLD and not _SETTING.search(failure.message):
        return failure.message
    return str(texts.by_key.get(f"failed_{family}") or texts["failed_ours"])
