"""`dub-admin keys`, from the command line to the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from dub_platform.commands import admin
from dub_platform.core.service.access import Scope, Token
from dub_platform.registry.api_keys import ApiKeys
from dub_platform.registry.database.tables import utc_now
from dub_platform.settings import Settings
from tests.support.new_registries import make_registry


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ApiKeys:
    """The keys of an environment of its own."""
    monkeypatch.chdir(tmp_path)
    url = Settings().registry_url
    make_registry(url)
    return ApiKeys.at(url)


def test_what_is_printed_opens(table: ApiKeys, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output stands the key and nothing else."""
    arguments = ["--tenant", "acme", "--scopes", "read,write", "--name", "[b]x"]
    assert 0 == admin.main(["keys", "create", *arguments])
    token = Token.parse(capsys.readouterr().out.strip())
    assert token
    key = table.holder(token, utc_now())
    assert key
    assert ("acme", {Scope.READ, Scope.WRITE}) == (key.tenant, key.scopes)
    assert 0 == admin.main(["keys", "list", "--tenant", "acme"])
    listed = capsys.readouterr().out
    assert ("[b]x" in listed, token.secret in listed) == (True, False)


def test_a_key_is_revoked(table: ApiKeys, capsys: pytest.CaptureFixture[str]) -> None:
    """Once it is, the listing says so."""
    made, token = table.make(tenant="acme", scopes={Scope.READ})
    assert 0 == admin.main(["keys", "revoke", "--tenant", "acme", made.id])
    assert table.holder(token, utc_now()) is None
    admin.main(["keys", "list", "--tenant", "acme"])
    assert "revoked" in capsys.readouterr().out


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    "arguments", [["revoke", "--tenant", "acme", "nothing"], ["create", "--tenant", "ACME"]]
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In a sentence, with an exit status that a script notices."""
    assert 1 == admin.main(["keys", *arguments])
    said = capsys.readouterr()
    assert ("", True) == (said.out, said.err.startswith("That did not work."))


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (
            ["--scopes", "read,all"],
            "'read,all' names what is no scope: choose of read, write, admin",
        ),
        (["--days", "0"], "'0' is no number of days: give 1 or more"),
        (["--days", "soon"], "'soon' is no number of days: give 1 or more"),
    ],
)
def test_a_key_that_is_asked_for_wrongly_is_not_made(
    arguments: list[str], advice: str, table: ApiKeys, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said what there is to choose; `--days 0` is no key for ever."""
    with pytest.raises(SystemExit, match="2"):
        admin.main(["keys", "create", *arguments])
    assert advice in " ".join(capsys.readouterr().err.split())
    assert [] == list(table.of("default"))
