"""Those who use the API in `benchmarks/load.py`, as locust plays them.

    VIDEO=ID TRACK=/media/... locust -f benchmarks/people.py Person --headless --users 50 --json

A Person hands links in, asks how far a video is, watches, and listens, with a second between two
requests as people have it. A Reader asks for one page without a pause.
"""

from __future__ import annotations

import itertools
import os
import secrets
from typing import Any

from locust import FastHttpUser, between, constant, task

VIDEO = os.environ.get("VIDEO", "")
TRACK = os.environ.get("TRACK", "")
PAGE = os.environ.get("PAGE", "/")
LANGUAGE = "es"
PARTIAL = 206


# Where several processes answer, each user has one of them, as a proxy would spread them.
_hosts = itertools.cycle(filter(None, os.environ.get("HOSTS", "").split(",")))


class Spread(FastHttpUser):
    """Somebody who is served by one of the processes there are."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        self.host = next(_hosts, self.host)
        super().__init__(environment)


class Person(Spread):
    """Most of the time somebody waits for a dub, or watches one."""

    wait_time = between(0.5, 1.5)

    @task(2)
    def hand_in(self) -> None:
        # Ten characters of an alphabet of 64, and one that every id may end with.
        order = {"source": secrets.token_urlsafe(9)[:10] + "A", "languages": [LANGUAGE]}
        self.client.post("/videos", json=order, name="hand in")

    @task(8)
    def poll(self) -> None:
        self.client.get(f"/videos/{VIDEO}", name="poll")

    @task(1)
    def browse(self) -> None:
        self.client.get("/videos?limit=20", name="list")

    @task(4)
    def watch(self) -> None:
        self.client.get(f"/watch?v={VIDEO}&lang={LANGUAGE}", name="watch")

    @task(5)
    def listen(self) -> None:
        asked = {"range": "bytes=20000-84999"}
        with self.client.get(TRACK, headers=asked, name="range", catch_response=True) as answer:
            if answer.status_code != PARTIAL:
                answer.failure(f"{answer.status_code} and not {PARTIAL}")


class Reader(Spread):
    """The same page again and again."""

    wait_time = constant(0)

    @task
    def read(self) -> None:
        self.client.get(PAGE, name="read")
