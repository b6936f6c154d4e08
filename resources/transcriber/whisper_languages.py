"""The languages that Whisper was trained on, in the order of its vocabulary.

    whisper_codes()["fil"] == "tl"

Here and not read from the package, because importing that takes torch along: servers of
OpenAI's API are asked in the same codes.
"""

from __future__ import annotations

from functools import lru_cache

from dub_platform.core.languages import language

_IN_ORDER = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th "
    "ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr "
    "pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt "
    "haw ln ha ba jw su yue"
)
CODES = tuple(_IN_ORDER.split())


@lru_cache(maxsize=1)
def whisper_codes() -> dict[str, str]:
    """Whisper's code for each of the platform's: some of Whisper's are out of date."""
    return {language(code).code: code for code in CODES} | {"nb": "no"}
