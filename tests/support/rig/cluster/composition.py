"""docker-compose.yml as compose reads it.

    services({"POSTGRES_PASSWORD": "secret", ...})["api"]["command"]

Compose itself needs no more than this for a file without `extends` and `include`; a test has the
real one read the same file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[4]
COMPOSE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<how>[-?])(?P<rest>[^}]*))?\}")

Service = Mapping[str, Any]


def services(variables: Mapping[str, str]) -> Mapping[str, Service]:
    """Every service with its variables filled in. Raises LookupError for a required one."""

    def fill(found: re.Match[str]) -> str:
        value = variables.get(found["name"], "")
        if not value and found["how"] == "?":
            raise LookupError(found["rest"])
        return value or (found["rest"] or "")

    text = VARIABLE.sub(fill, COMPOSE.read_text()).replace("$$", "$")
    found: Mapping[str, Service] = yaml.safe_load(text)["services"]
    return found
