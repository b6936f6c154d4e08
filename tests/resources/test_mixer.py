"""How the block mixer works: in pieces that join, and in memory that does not grow."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dub_platform.core.mixing import Envelope, ducked
from dub_platform.core.speech import Span
from resources import mixer
from tests.media_recipes import RATE, noise, stereo


class TestBlocks:
    """What is made block by block is what would have been made at once."""

    @staticmethod
    def mix(folder: Path, seconds: float) -> mixer._Mix:
        """A bed with a take and a duck across each border of ten seconds."""
        bed = stereo(noise(seconds, seed=3), noise(seconds, seed=4))
        soundfile.write(folder / "bed.flac", bed, RATE, subtype="PCM_16")
        starts = [border - 0.4 for border in np.arange(10.0, seconds, 10.0)]
        duck = ducked([Span(start, start + 1.0) for start in starts], depth_db=-24.0)
        voices = [mixer._Voice(round(start * RATE), noise(1.0, seed=5)) for start in starts]
        return mixer._Mix(
            folder / "bed.flac", round(seconds * RATE), voices, 0.5, duck, Envelope((), ())
        )

    def test_blocks_join_without_a_click(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """To the bit, across borders where a take sounds and the bed is ducked."""
        mix = self.mix(tmp_path, 25.3)
        in_blocks = list(mix.blocks())
        monkeypatch.setattr(mixer, "BLOCK_FRAMES", 60 * RATE)
        (at_once,) = mix.blocks()
        assert [3, True] == [len(in_blocks), b"".join(in_blocks) == at_once]

    def test_a_bed_that_ends_early_is_followed_by_silence(self, tmp_path: Path) -> None:
        """A track longer than its bed is filled to its length."""
        mix = self.mix(tmp_path, 3.0)
        longer = mixer._Mix(mix.bed, 5 * RATE, (), 1.0, mix.middle, mix.sides)
        sound = np.frombuffer(b"".join(longer.blocks()), "<f4").reshape(-1, 2)
        assert (5 * RATE, 0.0) == (len(sound), float(np.abs(sound[3 * RATE :]).max()))

    def test_memory_does_not_grow_with_the_video(self, tmp_path: Path) -> None:
        """Four times the sound takes no more memory at its peak."""
        peaks = []
        for seconds in (20.0, 80.0):
            mix = self.mix(tmp_path, seconds)
            tracemalloc.start()
            for _ in mix.blocks():
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert peaks[1] < 1.05 * peaks[0]
