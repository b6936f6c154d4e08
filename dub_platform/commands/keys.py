"""`dub-admin keys`: API keys from the command line, which is how the first one is made.

dub-admin keys create --tenant acme --scopes read,write
dub-admin keys list --tenant acme
dub-admin keys revoke --tenant acme 3f9c51a07be2

It works on the registry of the settings, beside a running API. What `create` prints on standard
output is the key alone, for scripts.
"""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from dub_platform import wiring
from dub_platform.commands.terminal import add_command, console, notes
from dub_platform.core.service.access import DEFAULT_TENANT, Scope, check_tenant
from dub_platform.registry.api_keys import ApiKey
from dub_platform.registry.database.tables import utc_now
from dub_platform.settings import Settings

if TYPE_CHECKING:
    from dub_platform.commands.terminal import Commands

_SCOPES = ", ".join(scope.value for scope in Scope)


def add_to(commands: Commands) -> None:
    """Add `keys` and what it can do."""
    about = "API keys: make one, show a tenant's, let one open nothing any more"
    does = commands.add_parser("keys", help=about, description=f"{about}.")
    actions = does.add_subparsers(required=True, metavar="COMMAND")
    create = add_command(actions, "create", _create, "make a key, and print it once")
    create.add_argument(
        "--scopes", type=_scopes, default="read,write", help=f"some of {_SCOPES}; read,write"
    )
    create.add_argument("--name", default="", help="what it is for")
    create.add_argument("--days", type=_days, help="how long it is good; for ever by default")
    listing = add_command(actions, "list", _list, "show a tenant's keys, and not what opens")
    revoking = add_command(actions, "revoke", _revoke, "let a key open nothing any more")
    revoking.add_argument("id", metavar="ID", help="as dub-admin keys list shows it")
    for command in (create, listing, revoking):
        command.add_argument(
            "--tenant", default=DEFAULT_TENANT, help="whose videos it opens; %(default)s"
        )


def _scopes(text: str) -> frozenset[Scope]:
    try:
        return frozenset(Scope(word.strip()) for word in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} names what is no scope: choose of {_SCOPES}, with commas between."
        ) from error


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of days: give 1 or more, or no --days for a key for ever."
        )
    return int(text)


def _create(settings: Settings, asked: argparse.Namespace) -> int:
    tenant = check_tenant(asked.tenant)
    expires_at = utc_now() + timedelta(days=asked.days) if asked.days else None
    key, token = wiring.api_keys(settings).make(
        tenant=tenant, scopes=asked.scopes, name=asked.name, expires_at=expires_at
    )
    notes.print(f"Key {key.id} of {tenant}. It is shown this once:")
    console.print(token.text)
    return 0


def _list(settings: Settings, asked: argparse.Namespace) -> int:
    table = Table("id", "scopes", "name", "made", "last used", "state", box=SIMPLE)
    for key in wiring.api_keys(settings).of(check_tenant(asked.tenant)):
        scopes = ",".join(sorted(scope.value for scope in key.scopes))
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        made = f"{key.created_at:%Y-%m-%d %H:%M}"
        table.add_row(key.id, scopes, escape(key.name), made, used, _state(key))
    console.print(table)
    return 0


def _revoke(settings: Settings, asked: argparse.Namespace) -> int:
    wiring.api_keys(settings).revoke(check_tenant(asked.tenant), asked.id)
    notes.print(f"Key {escape(asked.id)} opens nothing any more.")
    return 0


def _state(key: ApiKey) -> str:
    if key.is_good(utc_now()):
        return "good"
    return "revoked" if key.revoked_at else "expired"
