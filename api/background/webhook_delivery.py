"""The courier: sends the messages to webhooks, in every process of the API.

    courier = Courier(webhooks, messenger, is_ending=lambda: drain.begun)
    async with courier.running():                       # in the app's lifespan
        ...

Messages are rows of the registry; the process that claims one sends it. If that process dies, its
claims lapse and another process sends them within a minute. A slow receiver delays only its own
messages.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timezone

import anyio
import structlog
from anyio.abc import TaskGroup
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from dub_platform.core.errors import DubError
from dub_platform.core.service.webhooks import Delivery, Webhook, headers
from dub_platform.registry.webhooks import Webhooks
from resources.webhooks.messenger import Messenger

PAUSE_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Courier:
    """Claims the messages that are due, and sends them. Belongs to one event loop."""

    def __init__(
        self, webhooks: Webhooks, messenger: Messenger, is_ending: Callable[[], bool]
    ) -> None:
        self._webhooks = webhooks
        self._messenger = messenger
        self._is_ending = is_ending
        self._under_way = Counter[str]()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send messages within the block, in the background.

        Another process sends what is then unfinished.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run, tasks)
            yield
            tasks.cancel_scope.cancel()

    async def _run(self, tasks: TaskGroup) -> None:
        while not self._is_ending():
            with _logging_failures():
                await self._send_due(tasks)
            await anyio.sleep(PAUSE_SECONDS)

    async def _send_due(self, tasks: TaskGroup) -> None:
        # One message at a time for each webhook, so that messages arrive in order.
        busy = list(+self._under_way)
        claimed = await run_in_threadpool(self._webhooks.claim, busy=busy, now=_now())
        for webhook, delivery in claimed:
            self._under_way[webhook.id] += 1
            tasks.start_soon(self._send, webhook, delivery)

    async def _send(self, webhook: Webhook, delivery: Delivery) -> None:
        try:
            with _logging_failures():
                await self._deliver(webhook, delivery)
        finally:
            self._under_way[webhook.id] -= 1

    async def _deliver(self, webhook: Webhook, delivery: Delivery) -> None:
        signed = headers(webhook.secret, delivery.id, delivery.body, _now())
        answer = await self._messenger.send(webhook.url, signed, delivery.body)
        if answer.error is None and answer.status is not None:
            await run_in_threadpool(
                self._webhooks.note_delivered, delivery, answer.status, now=_now()
            )
        else:
            error, status = answer.error or "", answer.status
            _log.info("webhook not delivered", webhook=webhook.id, message=delivery.id, error=error)
            await run_in_threadpool(
                self._webhooks.note_failure, delivery, error, status=status, now=_now()
            )


@contextlib.contextmanager
def _logging_failures() -> Iterator[None]:
    """Log errors of the database within the block; the message is sent again once its claim has
    lapsed."""
    try:
        yield
    except (DubError, SQLAlchemyError) as error:
        _log.warning("webhooks cannot be read or written", error=repr(error))


def _now() -> datetime:
    return datetime.now(timezone.utc)
