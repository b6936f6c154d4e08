"""Mixing: the two engines that a track is made with, what it is mixed over and what mixes it.

mixing = Mixing(beds, mixer)
bed = copies.fetch(mixing.beds.bed_of(video_id, audio))
mixing.mixer.mix(bed, takes, timeline, audio.speech, into=folder)
"""

from __future__ import annotations

from dataclasses import dataclass

from resources.mixer.port import Mixer
from resources.separator.beds import BedKeeper


@dataclass(frozen=True)
class Mixing:
    """A keeper of beds and a mixer, chosen together by DUB_ORIGINAL."""

    beds: BedKeeper
    mixer: Mixer
