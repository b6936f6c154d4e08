"""Requests that are let through where others are not: by their path, or by their method."""

from __future__ import annotations

# They reveal nothing. Orchestrators ask them by address, which the check of names would refuse.
PROBES = frozenset({"/health", "/ready", "/version"})
# They change nothing, so it does not matter which site's page sends them.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
