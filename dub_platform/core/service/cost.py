"""What dubbing costs: prices, what a call is about to cost, and when to stop.

    caps.refuse(call, video_usd=1.20, day_usd=8.00)
    estimate_usd(seconds=600, languages=2, prices=prices)

All money is in US dollars. An unknown price is None and never taken for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from dub_platform.core.errors import CostCapError

# Speech fills about two thirds of a talking video; rates of speech are those of `timing/budget.py`.
SPEECH_SHARE = 0.67
CHARACTERS_PER_SECOND = 13.5
# English text is about four characters a token; a line goes out with its context and comes back.
CHARACTERS_PER_TOKEN = 4.0
INPUT_TOKENS_PER_TOKEN = 3.0


@dataclass(frozen=True)
class Prices:
    """What the chosen engines charge, and the day these prices were taken. 0.0 is free."""

    taken_on: date
    transcription_per_minute: float = 0.0
    translation_per_million_input_tokens: float = 0.0
    translation_per_million_output_tokens: float = 0.0
    speech_per_thousand_characters: float = 0.0


@dataclass(frozen=True)
class PaidCall:
    """A call that is about to be made and paid for.

    `key` is the content key of its result, `what` names it for people ("line 3").
    """

    video_id: str
    language: str | None
    role: str
    engine: str
    key: str
    what: str
    estimated_usd: float


@dataclass(frozen=True)
class Caps:
    """The most that may be spent on one video and in one day (UTC); None is no limit."""

    per_video_usd: float | None = None
    per_day_usd: float | None = None

    def refuse(self, call: PaidCall, *, video_usd: float, day_usd: float) -> None:
        """Raise CostCapError if this call would go over a cap, given what was spent so far."""
        for cap, spent, what, setting in (
            (self.per_video_usd, video_usd, "this video", "DUB_COST_CAP_PER_VIDEO_USD"),
            (self.per_day_usd, day_usd, "today", "DUB_COST_CAP_PER_DAY_USD"),
        ):
            if cap is not None and spent + call.estimated_usd > cap:
                raise CostCapError(
                    f"${spent:.2f} were spent on {what}, and {call.what} would cost about "
                    f"${call.estimated_usd:.4f}: that is over the cap of ${cap:.2f}, so it was not "
                    f"done. What was paid for is kept; raise {setting} and ask again to go on."
                )


def estimate_usd(*, seconds: float, languages: int, prices: Prices) -> float:
    """Estimate what a video of so many `seconds` costs in so many languages, in US dollars."""
    characters = seconds * SPEECH_SHARE * CHARACTERS_PER_SECOND
    tokens = characters / CHARACTERS_PER_TOKEN
    translation = (
        tokens * INPUT_TOKENS_PER_TOKEN * prices.translation_per_million_input_tokens
        + tokens * prices.translation_per_million_output_tokens
    ) / 1_000_000
    speech = characters * prices.speech_per_thousand_characters / 1000
    transcription = seconds / 60 * prices.transcription_per_minute
    return transcription + languages * (translation + speech)
