"""What is said of a download while it runs."""

from __future__ import annotations

from resources.downloader.ytdlp import Reporter


def test_progress_is_said_now_and_then_and_at_the_end() -> None:
    """Not for every block that comes."""
    times = iter([0.0, 0.0, 1.0, 4.9, 5.0, 5.1, 5.2])
    said: list[str] = []
    reporter = Reporter(said.append, every_seconds=5.0, clock=lambda: next(times))
    for done in (1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000):
        reporter.hear(part="sound", finished=False, received=done, total=8e6, speed=1.5e6)
    reporter.hear(part="sound", finished=True, received=8_000_000, total=8e6, speed=None)
    assert [
        "YouTube, sound: 12 % of 8.0 MB, 1.5 MB/s",
        "YouTube, sound: 50 % of 8.0 MB, 1.5 MB/s",
        "YouTube, sound: 100 % of 8.0 MB",
    ] == said


def test_a_size_that_is_not_known_is_not_guessed() -> None:
    """What has come is said instead."""
    said: list[str] = []
    reporter = Reporter(said.append)
    reporter.hear(part="pictures", finished=False, received=2_500_000, total=None, speed=None)
    assert ["YouTube, pictures: 2.5 MB"] == said
