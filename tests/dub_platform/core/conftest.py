"""Drawn examples are the same on every machine, and as slow as the machine is."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("core", deadline=None, derandomize=True)
settings.load_profile("core")
