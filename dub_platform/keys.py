"""API keys from the command line: how the first one is made.

    python -m dub_platform.keys create --tenant acme --scopes read,write
    python -m dub_platform.keys list --tenant acme
    python -m dub_platform.keys revoke --tenant acme 3f9c51a07be2

It works on the registry of the settings, beside a running API. What it prints on standard output
is the key alone, for scripts.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dub_platform import wiring
from dub_platform.core.access import DEFAULT_TENANT, Scope, checked_tenant
from dub_platform.core.errors import DubError
from dub_platform.registry.api_keys import ApiKey, ApiKeys
from dub_platform.registry.tables import utc_now
from dub_platform.settings import Settings, WrongSettingError

console = Console(soft_wrap=True, highlight=False)
notes = Console(stderr=True, soft_wrap=True, highlight=False)


def main(*arguments: str) -> int:
    """Do what the arguments say; the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        keys = wiring.api_keys(Settings.from_environment())
        asked.does(keys, checked_tenant(asked.tenant), asked)
    except (DubError, WrongSettingError) as error:
        notes.print(f"[bold red]Nothing was done.[/] {escape(str(error))}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dub_platform.keys")
    commands = parser.add_subparsers(required=True)
    create = commands.add_parser("create", help="make a key, and print it once")
    create.add_argument("--scopes", type=_scopes, default="read,write", help="read,write,admin")
    create.add_argument("--name", default="", help="what it is for")
    create.add_argument("--days", type=int, help="how long it is good; for ever by default")
    create.set_defaults(does=_create)
    commands.add_parser("list", help="show a tenant's keys").set_defaults(does=_list)
    revoke = commands.add_parser("revoke", help="let a key open nothing any more")
    revoke.add_argument("id")
    revoke.set_defaults(does=_revoke)
    for command in commands.choices.values():
        command.add_argument("--tenant", default=DEFAULT_TENANT, help="whose videos it opens")
    return parser


def _scopes(text: str) -> frozenset[Scope]:
    return frozenset(Scope(word.strip()) for word in text.split(","))


def _create(keys: ApiKeys, tenant: str, asked: argparse.Namespace) -> None:
    expires_at = utc_now() + timedelta(days=asked.days) if asked.days else None
    key, token = keys.make(
        tenant=tenant, scopes=asked.scopes, name=asked.name, expires_at=expires_at
    )
    notes.print(f"Key {key.id} of {tenant}. It is shown this once:")
    console.print(token.text)


def _list(keys: ApiKeys, tenant: str, _: argparse.Namespace) -> None:
    table = Table("id", "scopes", "name", "made", "last used", "state", box=SIMPLE)
    for key in keys.of(tenant):
        scopes = ",".join(sorted(scope.value for scope in key.scopes))
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        made = f"{key.created_at:%Y-%m-%d %H:%M}"
        table.add_row(key.id, scopes, escape(key.name), made, used, _state(key))
    console.print(table)


def _revoke(keys: ApiKeys, tenant: str, asked: argparse.Namespace) -> None:
    keys.revoke(tenant, asked.id)
    notes.print(f"Key {escape(asked.id)} opens nothing any more.")


def _state(key: ApiKey) -> str:
    if key.is_good(utc_now()):
        return "good"
    return "revoked" if key.revoked_at else "expired"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
