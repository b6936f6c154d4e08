"""The demo dubs into what there is."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest

from dub_platform.local import demo
from dub_platform.local.stack import StackError


def client(offered: Sequence[str]) -> httpx.Client:
    """Of an API that has these languages."""
    rows = [{"language": code, "name": code.upper()} for code in offered]

    def answer(request: httpx.Request) -> httpx.Response:
        assert "/languages?source_language=en" == request.url.raw_path.decode()
        return httpx.Response(200, json={"source_language": "en", "languages": rows})

    return httpx.Client(transport=httpx.MockTransport(answer), base_url="http://dub.test")


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (("ca", "eo", "es", "gl"), ("es", "ca")),
        (("eo", "es", "gl"), ("es", "eo")),
        (("eo", "gl"), ("eo", "gl")),
        (("ca",), ("ca",)),
    ],
)
def test_two_languages_of_those_there_are(offered: Sequence[str], chosen: Sequence[str]) -> None:
    """Spanish and Catalan first; one where there is one."""
    with client(offered) as api:
        assert chosen == demo.choose_languages(api)


def test_where_there_is_no_language_it_is_said() -> None:
    """With what to install."""
    with client(()) as api, pytest.raises(StackError, match="Have apertium-eng-spa installed"):
        demo.choose_languages(api)


def test_this_machine_is_reached_whatever_proxy_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of a kind that needs another package too."""
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
    with demo.client_of("http://127.0.0.1:5001") as api:
        assert {} == api._mounts
