"""What it costs: said before anything is paid, and what it came to."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from dub_platform.core.service.cost import Caps, PaidCall, Prices
from dub_platform.registry.database.engine import engine_at
from dub_platform.registry.ledger import PaidCalls
from tests.support.rig.services import PRICES, YOUTUBE, Services, make_clip


def test_a_dry_run_says_the_price_and_takes_nothing(
    client: TestClient, services: Services, tmp_path: Path
) -> None:
    """The estimate comes with the length and the day of the prices; nothing is kept."""
    answer = _post(client, make_clip(tmp_path / "clip.mp4", seconds=3), dry_run="true")
    assert 200 == answer.status_code
    estimate = answer.json()["estimate"]
    assert pytest.approx(3.0, abs=0.1) == estimate["seconds"]
    assert (["es", "ca"], "2026-11-01") == (estimate["languages"], estimate["prices_taken_on"])
    assert estimate["usd"] > 0
    assert () == tuple(services.registry.videos().videos)
    assert [] == [path for path in services.store.root.rglob("*") if path.is_file()]


def test_a_video_that_is_taken_says_what_it_will_cost(client: TestClient, tmp_path: Path) -> None:
    """Two languages cost twice what one does, apart from listening."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=3)
    two = _post(client, clip).json()["estimate"]["usd"]
    one = _post(client, clip, languages="es").json()["estimate"]["usd"]
    assert pytest.approx(2 * one, rel=0.01) == two


def test_a_link_is_priced_by_the_minute(client: TestClient) -> None:
    """Its length is known only when it was fetched."""
    order = {"source": YOUTUBE, "languages": ["es"], "dry_run": True}
    estimate = client.post("/videos", json=order).json()["estimate"]
    assert "usd" not in estimate
    assert 0.03 < estimate["usd_per_minute"] < 0.12


def test_what_was_paid_is_on_the_video_and_the_dub(client: TestClient, services: Services) -> None:
    """The ledger's sums, not the estimate."""
    client.post("/videos", json={"source": YOUTUBE, "languages": ["es", "ca"]})
    calls = _ledger_of(services)
    settled = calls.open(_call("es"), Caps())
    calls.settle(settled, units=100, cost_usd=0.25, request_id=None)
    calls.open(_call("ca"), Caps())
    calls.open(_call(None), Caps())
    video = client.get(f"/videos/{YOUTUBE}").json()
    assert 1.25 == video["cost_usd"]
    assert {"es": 0.25, "ca": 0.5} == {dub["language"]: dub["cost_usd"] for dub in video["dubs"]}


def test_the_ledger_is_asked_once_for_all_dubs(client: TestClient, services: Services) -> None:
    """A video in a hundred languages costs no more statements than one in two."""
    client.post("/videos", json={"source": YOUTUBE, "languages": ["es", "ca"]})
    asked: list[str] = []
    engine = engine_at(f"sqlite:///{services.spool_dir.parent / 'registry.sqlite'}")
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    client.get(f"/videos/{YOUTUBE}")
    assert 1 == sum("FROM paid_calls" in statement for statement in asked)


def test_keyless_engines_are_free() -> None:
    """A price is never made up for an engine that charges nothing."""
    from dub_platform.core.service.cost import estimate_usd

    assert 0.0 == estimate_usd(seconds=600, languages=5, prices=Prices(PRICES.taken_on))


def _post(client: TestClient, clip: Path, languages: str = "es,ca", **fields: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    with clip.open("rb") as file:
        return client.post("/videos", files={"file": file}, data={"languages": languages, **fields})


def _ledger_of(services: Services) -> PaidCalls:
    ledger: PaidCalls = services.spent.__self__  # type: ignore[attr-defined]
    return ledger


def _call(language: str | None) -> PaidCall:
    return PaidCall(YOUTUBE, language, "voice", "ElevenLabs", "0" * 64, "line 1", 0.5)
