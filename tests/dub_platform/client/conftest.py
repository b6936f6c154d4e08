"""What the platform of a test logs is not printed with what the command prints."""

from __future__ import annotations

from tests.api.conftest import log

__all__ = ["log"]
