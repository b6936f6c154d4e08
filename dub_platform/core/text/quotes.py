"""Quotes the words of strangers in sentences that pages show.

    quote("Hello ![x](https://example.com)")        # '`Hello ![x](https://example.com)`'

Dagster shows pictures and follows links that stand in markdown; in code it does neither.
"""

from __future__ import annotations


def quote(text: str) -> str:
    """Return the text on one line as markdown's code, which no words of the text can end."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"
