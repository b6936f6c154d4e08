"""The table of keys, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, select, update

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import InvalidRequestError, KeyNotFoundError
from dub_platform.core.service.access import Scope, Token
from dub_platform.registry.api_keys import USE_IS_NOTED_EVERY, ApiKeys
from dub_platform.registry.database.tables import api_keys, utc_now

BOTH = {Scope.READ, Scope.WRITE}


@pytest.fixture
def keys(engine: Engine) -> ApiKeys:
    return ApiKeys(engine)


def test_a_token_proves_its_key(keys: ApiKeys) -> None:
    """With its tenant and scopes."""
    made, token = keys.make(tenant="acme", scopes=BOTH, name="import")
    held = keys.holder(token, utc_now())
    assert held is not None
    assert ("acme", "import", BOTH, made.id) == (held.tenant, held.name, held.scopes, token.id)


def test_what_is_kept_opens_nothing(keys: ApiKeys, engine: Engine) -> None:
    """Neither the secret nor the token is in the row, and its hash is no secret that is taken."""
    _, token = keys.make(tenant="acme", scopes=BOTH)
    with engine.connect() as connection:
        row = connection.execute(select(api_keys)).one()
    assert not any(token.secret in str(value) for value in row)
    assert keys.holder(Token(token.id, row.sha256), utc_now()) is None


@pytest.mark.parametrize("wrong", ["id", "secret"])
def test_a_wrong_token_proves_nothing(keys: ApiKeys, wrong: str) -> None:
    """Neither another key's id nor another secret."""
    _, token = keys.make(tenant="acme", scopes=BOTH)
    other = Token.new()
    tried = Token(other.id, token.secret) if wrong == "id" else Token(token.id, other.secret)
    assert keys.holder(tried, utc_now()) is None


def test_a_key_ends_when_it_was_to(keys: ApiKeys) -> None:
    """A second before it is good, at that moment it is not."""
    ends = utc_now() + timedelta(hours=1)
    _, token = keys.make(tenant="acme", scopes=BOTH, expires_at=ends)
    assert keys.holder(token, ends - timedelta(seconds=1)) is not None
    assert keys.holder(token, ends) is None


def test_a_revoked_key_is_listed_and_opens_nothing(keys: ApiKeys) -> None:
    """When it was revoked stays, also when that is asked for again."""
    _, token = keys.make(tenant="acme", scopes=BOTH)
    keys.revoke("acme", token.id)
    [first] = keys.of("acme")
    keys.revoke("acme", token.id)
    assert keys.holder(token, utc_now()) is None
    assert first.revoked_at is not None
    assert [first] == list(keys.of("acme"))


def test_a_tenants_keys_are_its_own(keys: ApiKeys) -> None:
    """Another can neither list nor revoke them, and learns not even that they are there."""
    _, token = keys.make(tenant="acme", scopes=BOTH)
    assert [] == list(keys.of("globex"))
    with pytest.raises(KeyNotFoundError, match="There is no key"):
        keys.revoke("globex", token.id)
    assert keys.holder(token, utc_now()) is not None


def test_keys_of_the_same_moment_are_listed_once(keys: ApiKeys, engine: Engine) -> None:
    """From each of them on, the newest first, whatever their ids are."""
    for _ in range(5):
        keys.make(tenant="acme", scopes=BOTH)
    with engine.begin() as connection:
        connection.execute(update(api_keys).values(created_at=utc_now()))
    listed = [key.id for key in keys.of("acme")]
    assert 5 == len(set(listed))
    for place, key_id in enumerate(listed, start=1):
        rest = keys.of("acme", after=key_id, limit=2)
        assert listed[place : place + 2] == [key.id for key in rest]


def test_a_cursor_is_a_key_of_the_tenant(keys: ApiKeys) -> None:
    """Another's is refused as one is that was never made."""
    made, _ = keys.make(tenant="acme", scopes=BOTH)
    for cursor in (made.id, "nobody"):
        with pytest.raises(InvalidRequestError, match="not one that a listing gave"):
            keys.of("globex", after=cursor)


def test_the_last_use_is_noted_once_a_minute(keys: ApiKeys) -> None:
    """By whichever of several processes comes first."""
    _, token = keys.make(tenant="acme", scopes=BOTH)
    first = utc_now()
    for moment in (first, first + USE_IS_NOTED_EVERY / 2):
        assert [token.id] * 4 == [
            key and key.id for key in at_once([partial(keys.holder, token, moment)] * 4)
        ]
        assert first == keys.of("acme")[0].last_used_at
    keys.holder(token, first + USE_IS_NOTED_EVERY)
    assert first + USE_IS_NOTED_EVERY == keys.of("acme")[0].last_used_at
