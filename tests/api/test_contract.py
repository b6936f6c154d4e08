"""The contract against the API: whatever it allows, and more, is answered as it says."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.contract.operation import Operation
from api.operations import OPERATIONS
from tests.support.rig.services import YOUTUBE, Services, release

WITH_INPUT = [
    each for each in OPERATIONS if each.tagged or each.query or each.body or "{" in each.path
]
# The same few for every push, and many new ones where there is time for them.
FEW, MANY, SEED = 200, 2_000, 20261122
EACH = pytest.mark.parametrize("each", WITH_INPUT, ids=lambda each: f"{each.method} {each.path}")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# Such as are there, so that not everything ends with a 404.
KNOWN = {"id": YOUTUBE, "language": "es", "key": f"releases/{YOUTUBE}/es/1/track.m4a"}


@pytest.fixture
def contract(services: Services, server: str) -> BaseSchema:
    """What a platform with one released video says of itself."""
    release(services, YOUTUBE, "es")
    schema: BaseSchema = schemathesis.openapi.from_url(f"{server}/openapi.json")
    schema.config.update(base_url=server)
    return schema


@EACH
def test_it_is_kept(contract: BaseSchema, each: Operation) -> None:
    """In hundreds of cases no 5xx, and no status, type or shape that is not in it."""
    hold_to(contract, each, FEW, SEED)


@pytest.mark.long
@EACH
def test_it_is_kept_whatever_is_tried(contract: BaseSchema, each: Operation) -> None:
    """In thousands of cases, which are others each time; FUZZ_SEED repeats those of a run."""
    hold_to(contract, each, MANY, int(os.environ["FUZZ_SEED"]))


def hold_to(contract: BaseSchema, each: Operation, cases: int, seeded: int) -> None:
    """Try an operation's share of so many cases."""
    operation, tried = contract[each.path][each.method], 0
    share = -(-cases // len(WITH_INPUT))
    wrong = [GenerationMode.NEGATIVE] if each.query or each.body or "{" in each.path else []
    modes = [operation.as_strategy(mode) for mode in (GenerationMode.POSITIVE, *wrong)]  # type: ignore[arg-type]

    @seed(seeded)
    @settings(
        max_examples=share,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(modes), known=st.booleans())
    def kept(case: Case[Any], known: bool) -> None:
        nonlocal tried
        tried += 1
        if known:
            case.path_parameters = _known(case.path_parameters)
        case.call_and_validate(checks=CHECKS)

    kept()
    assert tried >= share


def _known(parameters: dict[str, Any] | None) -> dict[str, Any]:
    return {name: KNOWN.get(name, value) for name, value in (parameters or {}).items()}
