"""The table of all operations, from which routes, /openapi.json, /docs and the reference are made.

    for each in OPERATIONS:
        each.method, each.path, each.handler, each.answers

A module of handlers has its own rows; one that is new is named here. This is also the order of the
contract and its documents.
"""

from __future__ import annotations

from collections.abc import Sequence

from api.contract.operation import Operation
from api.middleware import metrics
from api.pages import docs, edit, start, watch
from api.pages import help as help_pages
from api.routes import (
    channels,
    events,
    health,
    keys,
    languages,
    lines,
    media,
    oembed,
    openapi,
    source_lines,
    static,
    videos,
    webhooks,
)

OPERATIONS: Sequence[Operation] = (
    *start.OPERATIONS,
    *watch.OPERATIONS,
    *oembed.OPERATIONS,
    *edit.OPERATIONS,
    *docs.OPERATIONS,
    *help_pages.OPERATIONS,
    *openapi.OPERATIONS,
    *videos.OPERATIONS,
    *lines.OPERATIONS,
    *source_lines.OPERATIONS,
    *events.OPERATIONS,
    *languages.OPERATIONS,
    *channels.OPERATIONS,
    *keys.OPERATIONS,
    *webhooks.OPERATIONS,
    *media.OPERATIONS,
    *health.OPERATIONS,
    *metrics.OPERATIONS,
    *static.OPERATIONS,
)
