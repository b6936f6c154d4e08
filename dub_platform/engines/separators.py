"""Our separator, as pyproject.toml names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dub_platform.engines.declarations import Chosen, SeparatorEngine

if TYPE_CHECKING:
    from resources.separator.port import Separator


def make_demucs(chosen: Chosen) -> Separator:
    from resources.separator.demucs import DemucsSeparator

    return DemucsSeparator(chosen.settings.demucs_model, chosen.settings.model_idle_seconds)


DEMUCS = SeparatorEngine(
    about="Demucs on the processor or a GPU, by torch.",
    needs="the extra `separate`",
    make=make_demucs,
)
