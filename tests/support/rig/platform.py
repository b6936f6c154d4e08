"""The platform as its users have it: real servers, spoken to over HTTP.

with running_platform(folder) as platform:
    video = platform.hand_in(clip, "es")
    platform.released(video["id"], "es")
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx

from dub_platform.local.stack import Stack
from dub_platform.settings import Settings
from tests.support.logged_errors import PROCESS_LOGS
from tests.support.patience import HANG_SECONDS, wait_until

Answer = Mapping[str, Any]
# What asks the API more often is refused after a while.
ASK_SECONDS = 1.5
LAUNCH = """mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename
    ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}"""
RUN = """query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"""


class Servers(Protocol):
    """What runs the platform, on one machine or as a cluster."""

    @property
    def settings(self) -> Settings: ...

    def find_dead(self) -> str | None:
        """Return the name of a server that has ended by itself, if one has."""


@dataclass(frozen=True)
class Platform:
    """A running stack and a client of its API."""

    stack: Servers
    api: httpx.Client

    @property
    def settings(self) -> Settings:
        return self.stack.settings

    def hand_in(self, clip: Path, languages: str, **fields: str) -> Answer:
        """POST a clip and return the answer's body."""
        with clip.open("rb") as file:
            answer = self.api.post(
                "/videos", files={"file": file}, data={"languages": languages, **fields}
            )
        assert 202 == answer.status_code, answer.text
        return dict(answer.json())

    def video(self, video_id: str) -> Answer:
        return dict(self.api.get(f"/videos/{video_id}").raise_for_status().json())

    def dub(self, video_id: str, language: str) -> Answer:
        return dict(self.api.get(f"/videos/{video_id}/dubs/{language}").raise_for_status().json())

    def await_end(self, video_id: str, language: str) -> Answer:
        """Wait for the dub to be released or failed, and return it."""
        over = ("released", "failed")
        self.until(lambda: self.dub(video_id, language)["status"] in over, pause=ASK_SECONDS)
        return self.dub(video_id, language)

    def until(self, holds: Callable[[], bool], pause: float = 0.3) -> None:
        """Wait for something that the platform is about to do."""

        def holds_or_died() -> bool:
            assert self.stack.find_dead() is None
            return holds()

        wait_until(holds_or_died, pause=pause)

    def await_release(self, video_id: str, language: str) -> Answer:
        """Wait for the dub to be released, and return it; a failure fails the test with its
        reason."""
        dub = self.await_end(video_id, language)
        assert "released" == dub["status"], dub.get("error")
        return dub

    def fetch(self, url: str, into: Path) -> Path:
        """Save what lies at the address as a file."""
        path = into / url.rpartition("/")[2]
        path.write_bytes(self.api.get(url).raise_for_status().content)
        return path

    def materialize(self, job: str, *assets: str, video: str, language: str = "") -> None:
        """Make assets again with the request of the UI's button, and wait until they are made."""
        launched = self._launch(job, assets, video, language)
        assert "LaunchRunSuccess" == launched["__typename"], launched
        run = launched["run"]["runId"]
        self.until(lambda: self._status(run) in ("SUCCESS", "FAILURE"))
        assert "SUCCESS" == self._status(run)

    def _launch(self, job: str, assets: Sequence[str], video: str, language: str) -> Answer:
        dimensions = {"video": video, "language": language} if language else {}
        partition = f"{language}|{video}" if language else video
        tags = {f"dagster/partition/{name}": key for name, key in dimensions.items()}
        tags["dagster/partition"] = partition
        selector = {
            "repositoryLocationName": "dub_platform",
            "repositoryName": "__repository__",
            "pipelineName": job,
            "assetSelection": [{"path": [asset]} for asset in assets],
            "assetCheckSelection": [],
        }
        params = {
            "selector": selector,
            "runConfigData": {},
            "mode": "default",
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
        }
        launched: Answer = self.ask_dagster(LAUNCH, params=params)["launchRun"]
        return launched

    def _status(self, run_id: str) -> str:
        return str(self.ask_dagster(RUN, id=run_id)["runOrError"]["status"])

    def ask_dagster(self, query: str, **variables: Any) -> Any:
        """A GraphQL answer of the Dagster webserver, which is what its UI shows."""
        answer = httpx.post(
            f"{self.settings.local_dagster_url}/graphql",
            json={"query": query, "variables": variables},
            timeout=HANG_SECONDS,
        )
        body = answer.raise_for_status().json()
        assert "errors" not in body, body
        return body["data"]


@contextlib.contextmanager
def running_platform(folder: Path, **settings: Any) -> Iterator[Platform]:
    """The stack on free ports with everything it keeps in the folder."""
    port, dagster_port = free_ports(2)
    chosen = Settings(
        home=folder, PORT=port, DAGSTER_PORT=dagster_port, log_format="json", **settings
    )
    stack = Stack(chosen)
    with (
        PROCESS_LOGS.watch(folder),
        stack.running(),
        httpx.Client(base_url=chosen.base_url, timeout=HANG_SECONDS) as api,
    ):
        yield Platform(stack, api)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
