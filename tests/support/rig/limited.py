"""An API process whose limits are shared with others, for uvicorn to start.

uvicorn --factory tests.support.rig.limited:create
"""

from __future__ import annotations

import os
from pathlib import Path

from starlette.applications import Starlette

from api import rate_limiting as rate_limits
from api.app import create_app
from tests.support.rig.services import make_services


def create() -> Starlette:
    """The app with the limits and the Redis of the environment."""
    # What is looked at is how they count together, and a busy machine keeps Redis from its work for
    # longer than a request would wait.
    rate_limits.ANSWER_SECONDS = 5.0
    limits = rate_limits.Limits.parse(os.environ["LIMITS"], os.environ["REDIS"])
    return create_app(make_services(Path(os.environ["HOME_OF_TEST"]), limits=limits))
