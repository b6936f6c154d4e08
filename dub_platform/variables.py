"""Which variables of the environment are read, under which names.

    FORMER["DATABASE_URL"]                      # "DUB_DATABASE_URL"
    read_variable({"DATABASE_URL": "..."}, "DUB_DATABASE_URL")
    remarks(os.environ, known)                  # what is set and does nothing, as sentences

Platforms such as Railway set some of these names, and the application that this one replaces had
them all. Ours win over them.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

PREFIX = "DUB_"
# Each by the name that it stands for. Where several stand for one, the first that is set counts.
FORMER: Mapping[str, str] = MappingProxyType(
    {
        "DATABASE_URL": "DUB_DATABASE_URL",
        "REDIS_URL": "DUB_REDIS_URL",
        "CELERY_BROKER_URL": "DUB_BROKER_URL",
        "CELERY_RESULT_BACKEND": "DUB_RESULT_BACKEND_URL",
        "R2_ACCESS_KEY_ID": "DUB_R2_ACCESS_KEY_ID",
        "R2_SECRET_ACCESS_KEY": "DUB_R2_SECRET_ACCESS_KEY",
        "R2_BUCKET_NAME": "DUB_R2_PUBLIC_BUCKET",
        "R2_PUBLIC_URL": "DUB_R2_PUBLIC_URL",
        "WHISPER_MODEL": "DUB_WHISPER_MODEL",
        "SENTRY_ENVIRONMENT": "DUB_ENVIRONMENT",
        "ENVIRONMENT": "DUB_ENVIRONMENT",
        "DEBUG": "DUB_LOG_LEVEL",
    }
)
# What is no setting of a process: of the client, of how our own processes find each other.
OTHERS = frozenset({"DUB_API_KEY", "DUB_CODE_HOST", "DUB_CODE_PORT", "DUB_DEMO_BEGAN", "DUB_URL"})
_YES = frozenset({"1", "true", "yes", "on"})


def read_variable(environment: Mapping[str, str], name: str) -> str:
    """What the environment says for a name of ours, by that name or a former one; "" if nothing."""
    return _value(environment, find_name(environment, name))


def find_name(environment: Mapping[str, str], name: str) -> str:
    """The name by which the environment says something for one of ours; ours where it does not."""
    names = (name, *(former for former, ours in FORMER.items() if ours == name))
    return next((each for each in names if _value(environment, each)), name)


def former_values(environment: Mapping[str, str]) -> dict[str, str]:
    """What former names say, by ours."""
    said = {ours: read_variable(environment, ours) for ours in FORMER.values()}
    return {ours: text for ours, text in said.items() if text and not environment.get(ours)}


def remarks(
    environment: Mapping[str, str], known: Collection[str], of_engines: Iterable[str] = ()
) -> Iterator[str]:
    """A sentence for each variable that is set and overruled, or that nothing reads.

    `known` are the names of all settings, `of_engines` what the names of others begin with that
    engines of other packages read.
    """
    for former, ours in FORMER.items():
        value, used = _value(environment, former), read_variable(environment, ours)
        if value and value != used:
            by = ours if environment.get(ours) else f"another name for {ours}"
            yield f"{former} is set, and does nothing: {by} is set as well, and counts."
    for name in sorted(environment):
        if name.startswith(tuple(of_engines)):
            continue
        if name.startswith(PREFIX) and name not in {*known, *OTHERS}:
            near = difflib.get_close_matches(name, known, 1)
            meant = f" Did you mean {near[0]}?" if near else ""
            yield f"{name} is set, and nothing reads it.{meant}"


def _value(environment: Mapping[str, str], name: str) -> str:
    """What a variable says, in the words of the name that it stands for."""
    text = environment.get(name, "")
    if name == "DEBUG":
        return "DEBUG" if text.lower() in _YES else ""
    return text
