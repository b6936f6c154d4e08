"""A viewer who does much while a film plays, and how far its sound is from its pictures meanwhile.

    told = page.evaluate(WATCHING, {"seconds": 300, "seeks": 30, "switches": 10, "rates": 8})
    measured = Measured.of(told)

Everything is done and measured in the page, so that no round trip blurs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# For so long after an act of the viewer nobody expects both to be in step.
GRACE_MS = 300
WATCHING = """async ({ seconds, seeks, switches, rates }) => {
  const [film, dub] = [document.getElementById("film"), document.getElementById("dub")];
  const samples = [], pause = (ms) => new Promise((resume) => setTimeout(resume, ms));
  let acted = performance.now();
  const sampling = setInterval(() => {
    const now = performance.now();
    samples.push([
      now, now - acted, 1000 * film.currentTime, 1000 * dub.currentTime,
      !film.paused && !film.seeking, !dub.paused && !dub.seeking,
      film.playbackRate, dub.playbackRate,
    ]);
  }, 25);
  // The places jump about, and come back: a film is not seen in its order.
  let count = 0;
  const seek = () => {
    const field = document.getElementById("seek");
    count += 1;
    field.value = ((count * 0.618) % 0.8) * film.duration;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const switchSound = () => {
    const dubs = [...document.querySelectorAll("[name=sound][data-track]")];
    const next = dubs[(dubs.findIndex((radio) => radio.checked) + 1) % dubs.length];
    next.checked = true;
    next.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const setRate = () => {
    const list = document.getElementById("rate");
    const wanted = ["0.5", "1.5", "2", "0.75", "1.25", "1"];
    list.value = wanted[(wanted.indexOf(list.value) + 1) % wanted.length];
    list.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const acts = [
    ...Array.from({ length: seeks }, (_, at) => [(at + 0.5) / seeks, seek]),
    ...Array.from({ length: switches }, (_, at) => [(at + 0.6) / switches, switchSound]),
    ...Array.from({ length: rates }, (_, at) => [(at + 0.7) / rates, setRate]),
  ].sort(([one], [other]) => one - other);
  document.getElementById("play").click();
  const began = performance.now();
  for (const [at, act] of acts) {
    await pause(began + at * seconds * 1000 - performance.now());
    acted = performance.now();
    act();
  }
  await pause(began + seconds * 1000 - performance.now());
  clearInterval(sampling);
  return samples;
}"""
# A film or a sound that moved so much more or less than its speed within so long has stumbled: the
# machine did not get it ready in time. The page needs so long to make that good.
STUMBLE_MS, WITHIN_MS, MENDED_MS = 12, 500, 2500


@dataclass(frozen=True)
class Measured:
    """How far the sound was from the pictures, in ms, from GRACE_MS after each act on; `silent` is
    the share of that time in which the film ran without its sound. `even_*` leave out what comes
    after a stumble of the machine; `even` is the share of the time that is left."""

    p50: float
    p95: float
    most: float
    mean: float
    silent: float
    even: float
    even_p95: float
    even_most: float

    @classmethod
    def of(cls, told: Sequence[Sequence[Any]]) -> Measured:
        """Read what the page has told."""
        now, since, film, dub, film_runs, dub_runs, rate, dub_rate = np.array(told, float).T
        off, later = dub - film, since >= GRACE_MS
        counts = later & (film_runs > 0) & (dub_runs > 0)
        took = np.diff(now, prepend=now[0])
        stumbled = later & (
            _leaps(now, since, film - np.cumsum(took * rate))
            | _leaps(now, since, dub - np.cumsum(took * dub_rate))
        )
        last = np.maximum.accumulate(np.where(stumbled, now, -np.inf))
        even = counts & (now - last > MENDED_MS)
        far, far_even = np.abs(off[counts]), np.abs(off[even])
        return cls(
            p50=float(np.percentile(far, 50)),
            p95=float(np.percentile(far, 95)),
            most=float(far.max()),
            mean=float(off[counts].mean()),
            silent=float(np.mean(dub_runs[later & (film_runs > 0)] == 0)),
            even=float(even.sum() / counts.sum()),
            even_p95=float(np.percentile(far_even, 95)) if even.any() else np.nan,
            even_most=float(far_even.max()) if even.any() else np.nan,
        )


def _leaps(now: Array, since: Array, ahead: Array) -> NDArray[np.bool_]:
    """Whether what is so far ahead of its speed has leapt, as of each moment, since WITHIN_MS
    before it, or since the act before it."""
    first = np.searchsorted(now, now - np.minimum(WITHIN_MS, np.maximum(0, since - GRACE_MS)))
    return np.array([np.ptp(ahead[a : b + 1]) > STUMBLE_MS for b, a in enumerate(first)])


def acts(seconds: int) -> Mapping[str, int]:
    """What is done in so many seconds: 30 seeks, ten switches and eight rates in five minutes."""
    return {
        "seconds": seconds,
        "seeks": seconds // 10,
        "switches": seconds // 30,
        "rates": seconds // 37,
    }
