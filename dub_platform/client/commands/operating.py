"""Commands about what is beside videos: webhooks, channels, keys, and the platform itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rich.text import Text

from dub_platform.client.client import DubClient
from dub_platform.client.commands.parsing import (
    Asked,
    Commands,
    Parser,
    add_wording,
    command,
    split_list,
    wording,
)
from dub_platform.client.terminal import age, out, plain, show_json, state

Shown = Callable[[Any], str]


def add_to(commands: Commands) -> None:
    """Add the commands of this module."""
    _add_webhooks(commands)
    _add_channels(commands)
    _add_keys(commands)
    command(commands, "health", "whether every part of it works", _health, "dub health")


def _add_webhooks(commands: Commands) -> None:
    does = "who is told what happens"
    webhooks = _group(command(commands, "webhooks", does, _webhooks, "dub webhooks"))
    add = command(
        webhooks,
        "add",
        "tell an address",
        _add_webhook,
        "dub webhooks add https://example.com/hook",
    )
    add.add_argument("url")
    add.add_argument("--events", type=split_list, default=(), help="as dub.released,dub.failed")
    add.add_argument("--secret", help="whsec_...; one is made without it")
    for name, does, run in (
        ("get", "show one", _webhook),
        ("remove", "tell it nothing more", _remove_webhook),
        ("test", "send a message that says nothing", _test_webhook),
        ("deliveries", "list the messages to it", _deliveries),
    ):
        each = command(webhooks, name, does, run, f"dub webhooks {name} ID")
        each.add_argument("webhook")
    each.add_argument("--state", choices=("pending", "delivered", "dead"))
    for name, does, run in (
        ("delivery", "show one message", _delivery),
        ("redeliver", "send a message once more", _redeliver),
    ):
        each = command(webhooks, name, does, run, f"dub webhooks {name} ID MESSAGE")
        each.add_argument("webhook")
        each.add_argument("message")


def _add_channels(commands: Commands) -> None:
    does = "where videos came from, and how their dubs are worded"
    channels = _group(command(commands, "channels", does, _channels, "dub channels"))
    get = command(channels, "get", "show one", _channel, "dub channels get ID")
    get.add_argument("channel")
    example = "dub channels word ID --formality formal"
    word = command(channels, "word", "say how dubs are worded", _word_channel, example)
    add_wording(word).add_argument("channel")
    word.add_argument("--title")


def _add_keys(commands: Commands) -> None:
    keys = _group(command(commands, "keys", "API keys of your tenant", _keys, "dub keys"))
    make = command(keys, "make", "make one", _make_key, "dub keys make import --scopes read,write")
    make.add_argument("name", nargs="?", default="")
    make.add_argument("--scopes", type=split_list, help="read,write by default")
    make.add_argument("--expires", help="a time, such as 2027-01-01T00:00:00Z")
    revoke = command(keys, "revoke", "have one open nothing", _revoke_key, "dub keys revoke ID")
    revoke.add_argument("key")


def _group(parser: Parser) -> Commands:
    """Add commands below the command, which lists without any of them."""
    return parser.add_subparsers(metavar="DO", parser_class=Parser)


def _webhooks(client: DubClient, asked: Asked) -> int:
    return _list(client.webhooks(), _webhook_line, asked)


def _webhook(client: DubClient, asked: Asked) -> int:
    return _one(client.webhook(asked.webhook), _webhook_line, asked)


def _add_webhook(client: DubClient, asked: Asked) -> int:
    made = client.add_webhook(asked.url, events=asked.events, secret=asked.secret)
    return _one(
        made, lambda each: f"{_webhook_line(each)}\nsecret, shown once: {made['secret']}", asked
    )


def _remove_webhook(client: DubClient, asked: Asked) -> int:
    client.remove_webhook(asked.webhook)
    return _one({"removed": asked.webhook}, lambda each: f"{each['removed']} is removed.", asked)


def _test_webhook(client: DubClient, asked: Asked) -> int:
    return _one(client.test_webhook(asked.webhook), _delivery_line, asked)


def _deliveries(client: DubClient, asked: Asked) -> int:
    return _list(client.deliveries(asked.webhook, state=asked.state), _delivery_line, asked)


def _delivery(client: DubClient, asked: Asked) -> int:
    return _one(client.delivery(asked.webhook, asked.message), _delivery_line, asked)


def _redeliver(client: DubClient, asked: Asked) -> int:
    return _one(client.redeliver(asked.webhook, asked.message), _delivery_line, asked)


def _channels(client: DubClient, asked: Asked) -> int:
    return _list(client.channels(), _channel_line, asked)


def _channel(client: DubClient, asked: Asked) -> int:
    return _one(client.channel(asked.channel), _channel_line, asked)


def _word_channel(client: DubClient, asked: Asked) -> int:
    worded_anew = client.word_channel(asked.channel, title=asked.title, **wording(asked))
    return _one(worded_anew, _channel_line, asked)


def _keys(client: DubClient, asked: Asked) -> int:
    return _list(client.keys(), _key_line, asked)


def _make_key(client: DubClient, asked: Asked) -> int:
    made = client.make_key(asked.name, scopes=asked.scopes, expires_at=asked.expires)
    return _one(made, lambda each: f"{_key_line(each)}\nthe key, shown once: {made['key']}", asked)


def _revoke_key(client: DubClient, asked: Asked) -> int:
    client.revoke_key(asked.key)
    return _one({"revoked": asked.key}, lambda each: f"{each['revoked']} opens nothing now.", asked)


def _health(client: DubClient, asked: Asked) -> int:
    ready, version = client.ready(), client.version()
    if asked.json:
        show_json({**ready, "version": version})
        return int(not ready["ready"])
    out.print(f"{client.url}, version {version['version']}")
    for name, check in ready["checks"].items():
        well = state("released" if check["ok"] else "failed").style
        said = "works" if check["ok"] else f"does not work: {check.get('error', '')}"
        out.print(Text(f"{plain(name):<10} ") + Text(plain(said), style=well))
    return int(not ready["ready"])


def _list(answers: Iterable[Any], shown: Shown, asked: Asked) -> int:
    found = list(answers)
    if asked.json:
        show_json(found)
    for each in () if asked.json else found:
        out.print(shown(each))
    if not found and not asked.json:
        out.print("There is none.")
    return 0


def _one(answer: Any, shown: Shown, asked: Asked) -> int:
    if asked.json:
        show_json(answer)
    else:
        out.print(shown(answer))
    return 0


def _webhook_line(each: Any) -> str:
    return f"{each['id']}  {plain(each['url'])}  {', '.join(each['events'])}"


def _delivery_line(each: Any) -> str:
    why = plain(str(each.get("last_error") or each.get("last_status") or ""))
    return f"{each['id']}  {each['type']}  {each['state']}  {age(each['created_at'])}  {why}"


def _channel_line(each: Any) -> str:
    terms = each.get("terms", len(each.get("glossary", ())))
    formality = each.get("formality", "no formality")
    return f"{each['id']}  {plain(each['title'])}  {terms} terms, {formality}"


def _key_line(each: Any) -> str:
    end = f"revoked {age(each['revoked_at'])}" if "revoked_at" in each else ""
    if "expires_at" in each and not end:
        end = f"until {each['expires_at']}"
    return f"{each['id']}  {', '.join(each['scopes'])}  {plain(each['name'])}  {end}".rstrip()
