"""Our separator, as pyproject.toml names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dub_platform.engines.declarations import Chosen, SeparatorEngine

if TYPE_CHECKING:
    from resources.separator.port import Separator


def make_demucs(chosen: Chosen) -> Separator:
    from resources.separator.demucs import MODELS, DemucsSeparator, refuse_missing

    name, checkpoint = chosen.settings.demucs_model, None
    # Packages before the model: nobody should get a model and then hear that it is of no use.
    refuse_missing(name)
    if name in MODELS:
        model = chosen.models.find("demucs", name)
        checkpoint = model.path(model.entry.files[0].name)
    return DemucsSeparator(name, chosen.settings.model_idle_seconds, checkpoint)


DEMUCS = SeparatorEngine(
    about="Demucs on the processor or a GPU, by torch.",
    needs="the extra `separate`, a model",
    make=make_demucs,
)
