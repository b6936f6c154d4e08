"""Packages that not every deployment has: how they get there.

say_how_to_install("local")     # "Install the extra `local`: in a checkout with ..."
"""

from __future__ import annotations


def say_how_to_install(extra: str) -> str:
    """Return a sentence: what to run for an extra of pyproject.toml, where no index has ours."""
    return (
        f"Install the extra `{extra}`: in a checkout with `bash deploy/install.sh -e '.[{extra}]'`,"
        f" or build the image with IMAGE_EXTRAS={extra}."
    )
