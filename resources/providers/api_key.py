"""A provider's key, kept out of errors and logs.

key = ProviderKey(text, "OPENAI_API_KEY")
AsyncOpenAI(api_key=key.value)
key.hidden_in("Incorrect API key provided: sk-1234.")   # "Incorrect API key provided: [key]"
"""

from __future__ import annotations

import re

from dub_platform.core.errors import EngineUnavailableError

_IN_A_HEADER = re.compile(r"[!-~]+")
# OpenAI quotes a key in its errors, and masks only a part of it.
_QUOTED = re.compile(r"\bsk-\S+")


class ProviderKey:
    """The key in `text`, without the line end that files have; `setting` is where it comes from.

    One that is not `needed` may be none. Raises EngineUnavailableError for what can be no key:
    HTTP libraries would refuse it later, with a message that spells it out.
    """

    def __init__(self, text: str, setting: str, *, needed: bool = True) -> None:
        self.value = text.strip()
        is_none = not needed and not self.value
        if not is_none and not _IN_A_HEADER.fullmatch(self.value):
            raise EngineUnavailableError(
                f"{setting} is empty, or holds characters that no key has. Copy the key again, or "
                "choose an engine that needs none."
            )

    def hidden_in(self, words: str) -> str:
        """The words without the key, whole or masked."""
        said = words.replace(self.value, "[key]") if self.value else words
        return _QUOTED.sub("[key]", said)
