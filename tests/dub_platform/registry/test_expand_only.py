"""Migrations only add: the release before goes on while they run, and after it.

Squawk reads the SQL that each one sends to PostgreSQL. What takes away has `CONTRACT`, the first
release that no longer reads what goes:

    CONTRACT = "0.3.0"
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa
from alembic import op
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from dub_platform.registry import migrations
from tests.docs.documents import ROOT

SQUAWK = Path(sysconfig.get_path("scripts")) / "squawk"
TASTE = (
    "prefer-bigint-over-int",
    "prefer-identity",
    "prefer-text-field",
    # Alembic knows which migrations were applied, and each is applied whole.
    "prefer-robust-stmts",
    # Both are the connection's: `dub_platform/registry/migrate.py`.
    "require-lock-timeout",
    "require-statement-timeout",
)
TAKES_AWAY = ("ban-drop-column", "ban-drop-constraint", "ban-drop-function", "ban-drop-table")


def versions() -> list[ModuleType]:
    scripts = ScriptDirectory(str(Path(str(migrations.__file__)).parent))
    return [script.module for script in scripts.walk_revisions()]


def sql_of(upgrade: Callable[[], object]) -> str:
    """What the migration sends to PostgreSQL."""
    sql = io.StringIO()
    sent = {"as_sql": True, "output_buffer": sql}
    context = MigrationContext.configure(dialect_name="postgresql", opts=sent)
    with Operations.context(context), context.begin_transaction():
        upgrade()
    return sql.getvalue()


def refused(upgrade: Callable[[], object], contract: str | None = None) -> list[str]:
    """The rules that the migration breaks."""
    excluded = ",".join([*TASTE, *(TAKES_AWAY if contract else ())])
    options = ["--stdin-filepath", "migration.sql", "--pg-version", "14", "--exclude", excluded]
    done = subprocess.run(
        [str(SQUAWK), "--reporter", "json", *options],
        input=sql_of(upgrade),
        capture_output=True,
        text=True,
        check=False,
    )
    return [found["rule_name"] for found in json.loads(done.stdout)]


def concurrently() -> None:
    """An index as a migration makes it on a table that is there."""
    with op.get_context().autocommit_block():
        op.drop_index("ix_videos_stage", if_exists=True, postgresql_concurrently=True)
        op.create_index("ix_videos_stage", "videos", ["stage"], postgresql_concurrently=True)


ADDS = {
    "a table": lambda: op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True)),
    "a column": lambda: op.add_column("videos", sa.Column("note", sa.Text)),
    "a column with a default": lambda: op.add_column(
        "videos", sa.Column("losses", sa.Integer, nullable=False, server_default="0")
    ),
    "an index, concurrently": concurrently,
}
BREAKS = {
    "a column that must be given": (
        lambda: op.add_column("videos", sa.Column("note", sa.Text, nullable=False)),
        "adding-required-field",
    ),
    "a column that must now be given": (
        lambda: op.alter_column("videos", "stage", nullable=False),
        "adding-not-nullable-field",
    ),
    "another type": (
        lambda: op.alter_column("videos", "title", type_=sa.String(10)),
        "changing-column-type",
    ),
    "another column name": (
        lambda: op.alter_column("videos", "title", new_column_name="name"),
        "renaming-column",
    ),
    "another table name": (lambda: op.rename_table("videos", "films"), "renaming-table"),
    "an index that holds up writers": (
        lambda: op.create_index("ix_videos_stage", "videos", ["stage"]),
        "require-concurrent-index-creation",
    ),
}
TAKES = {
    "a column": (lambda: op.drop_column("videos", "stage"), "ban-drop-column"),
    "a table": (lambda: op.drop_table("dubs"), "ban-drop-table"),
}


@pytest.mark.parametrize("version", versions(), ids=lambda module: str(module.revision))
def test_a_migration_only_adds(version: ModuleType) -> None:
    """Unless it says which release stopped to read what it takes away."""
    assert [] == refused(version.upgrade, getattr(version, "CONTRACT", None))


def test_what_is_taken_away_was_last_read_by_a_release_that_is_out() -> None:
    """Else the release before would still read it."""
    released = re.findall(r"(?m)^## \[(\d[\d.]*)\]", (ROOT / "CHANGELOG.md").read_text())
    contracts = {getattr(version, "CONTRACT", released[0]) for version in versions()}
    assert set() == contracts - set(released)


@pytest.mark.parametrize("what", ADDS)
def test_what_the_release_before_does_not_notice_is_allowed(what: str) -> None:
    """It writes and reads the columns that it knows."""
    assert [] == refused(ADDS[what])


@pytest.mark.parametrize("what", BREAKS)
def test_what_breaks_the_release_before_is_refused(what: str) -> None:
    """Even by a migration that takes away."""
    upgrade, rule = BREAKS[what]
    assert [rule] == refused(upgrade) == refused(upgrade, "0.1.0")


@pytest.mark.parametrize("what", TAKES)
def test_only_a_contract_takes_away(what: str) -> None:
    """A migration of another release than the one that stopped to read it."""
    upgrade, rule = TAKES[what]
    assert [rule] == refused(upgrade)
    assert [] == refused(upgrade, "0.1.0")
