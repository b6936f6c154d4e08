"""Corrections of what is said in a video, and words that are not believed: what runs make of them,
and what they pay for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import pytest
from dagster import AssetKey, Failure
from starlette.testclient import TestClient

from api.asgi import services_from
from dub_platform.core.errors import MisheardError
from dub_platform.core.speech import Transcript
from dub_platform.registry import DubStatus, VideoStatus
from resources.store.values import value_in, value_key
from sensors.outcome import reason_of, record_failure
from tests.assets.conftest import Dubbed
from tests.assets.test_lines import Bench, bench, home_of_dub
from tests.support.rig.services import local_client
from tests.support.rig.workshop import Workshop, list_made, metadata_of

__all__ = ["bench", "home_of_dub"]
CORRECTION = "The wind takes my mother home."
CAPTIONS = """\
1
00:00:00,800 --> 00:00:03,000
Every winter.

2
00:00:05,200 --> 00:00:08,000
On Monday.
"""


def listen_again(workshop: Workshop, video_id: str, **options: Any) -> Any:
    """Run what the sensor would request for a correction: the transcript alone."""
    selection = [AssetKey("transcript")]
    return workshop.prepare(video_id, asset_selection=selection, **options)


def correct(client: TestClient, video_id: str, number: int, text: str | None) -> Any:
    """Correct a line, or go back, as somebody does who has just looked at it."""
    path = f"/videos/{video_id}/lines/{number}"
    seen = {"if-match": client.get(path).headers["etag"]}
    if text is None:
        return client.delete(path, headers=seen)
    return client.put(path, json={"text": text}, headers=seen)


def test_a_correction_pays_for_its_line_alone(bench: Bench) -> None:
    """One line is translated and one take spoken; nobody listens again, and neighbours stay."""
    video_id, takes, paid = bench.video_id, bench.takes(), bench.paid()
    asked, spoken = len(bench.translator.asked), len(bench.voice.asked())
    assert 202 == correct(bench.client, video_id, 1, CORRECTION).status_code
    dub = f"/videos/{video_id}/dubs/es"
    assert (True, "released") == tuple(bench.client.get(dub).json()[n] for n in ("stale", "status"))

    [work] = bench.workshop.registry.claim_videos(limit=9, now=datetime.now(timezone.utc))
    assert work.listen_only
    made = list_made(listen_again(bench.workshop, video_id))
    assert ["transcript"] == list(made)
    assert 1 == metadata_of(made["transcript"])["corrected lines"].value
    # A correction of its own is nothing that a dub is made anew for.
    assert DubStatus.RELEASED is bench.workshop.registry.dub(video_id, "es").status

    quote = bench.client.put(dub, json={"dry_run": True}).json()["estimate"]
    assert 1.0 < quote["seconds"] < 2.0
    assert bench.paid() == paid
    assert 202 == bench.client.put(dub).status_code
    bench.dub()
    # Translated, said shorter to fit, and spoken.
    roles = [role for role, _ in bench.paid()[len(paid) :]]
    assert ["translator", "translator", "voice"] == roles
    translated, shortened = bench.translator.asked[asked:]
    assert (
        [CORRECTION]
        == [line["text"] for line in shortened.material["lines"]]
        == [line["text"] for line in translated.material["lines"] if "id" in line]
    )
    # Beside the lines that it is said between.
    assert 3 == len(translated.material["lines"])
    assert 1 == len(bench.voice.asked()) - spoken
    again = bench.takes()
    assert [True, False, True] == [one == two for one, two in zip(takes, again, strict=True)]
    assert not bench.client.get(dub).json()["stale"]
    assert CORRECTION == bench.lines()[1]["source"]


@pytest.mark.long
def test_going_back_finds_what_was_made_before(bench: Bench) -> None:
    """The take and the translation of what was heard are still there, and nothing is paid."""
    video_id, takes, said = bench.video_id, bench.takes(), bench.released()
    for text in (CORRECTION, None):
        correct(bench.client, video_id, 1, text)
        listen_again(bench.workshop, video_id)
        bench.client.put(f"/videos/{video_id}/dubs/es")
        paid = bench.paid()
        bench.dub()
    assert (takes, said, paid) == (bench.takes(), bench.released(), bench.paid())


@pytest.mark.long
def test_an_edited_line_stays_edited_when_its_source_is_corrected(bench: Bench) -> None:
    """Whoever wrote it has read what it is to say."""
    bench.edit({1: "La brisa lleva a mi padre."})
    bench.dub()
    correct(bench.client, bench.video_id, 1, CORRECTION)
    listen_again(bench.workshop, bench.video_id)
    bench.client.put(f"/videos/{bench.video_id}/dubs/es")
    bench.dub()
    line = bench.lines()[1]
    assert ("La brisa lleva a mi padre.", CORRECTION, True) == (
        line["text"],
        line["source"],
        line["edited"],
    )
    assert "La brisa lleva a mi padre." == bench.released()[1]


@pytest.mark.long
def test_an_edit_from_before_a_correction_is_told_until_somebody_looks_at_it(bench: Bench) -> None:
    """The dub is stale after it was made anew, too, and no longer once the line is edited again,
    with the same words; which are not paid for again."""
    dub, edit = f"/videos/{bench.video_id}/dubs/es", {1: "La brisa lleva a mi padre."}
    bench.edit(edit)
    bench.dub()
    assert not any(line["stale"] for line in bench.lines())
    correct(bench.client, bench.video_id, 1, CORRECTION)
    assert [False, True, False] == [line["stale"] for line in bench.lines()]
    assert ["source"] == bench.client.get(dub).json()["stale_because"]
    listen_again(bench.workshop, bench.video_id)
    bench.client.put(dub)
    bench.dub()
    assert ["edits"] == bench.client.get(dub).json()["stale_because"]
    # Asking for it makes nothing: it would say the same.
    assert "released" == bench.client.put(dub).json()["status"]
    paid = bench.paid()
    bench.edit(edit)
    assert not any(line["stale"] for line in bench.lines())
    bench.dub()
    assert (False, []) == tuple(
        bench.client.get(dub).json()[name] for name in ("stale", "stale_because")
    )
    assert paid == bench.paid()


@pytest.mark.long
def test_a_translation_by_hand_is_told_and_not_released_with_other_sound(bench: Bench) -> None:
    """The dub is stale by it until it is spoken; new captions never stand beside old takes."""
    dub, by_hand = f"/videos/{bench.video_id}/dubs/es", bench.workshop.dub_by_hand
    correct(bench.client, bench.video_id, 1, CORRECTION)
    listen_again(bench.workshop, bench.video_id)
    said = bench.released()
    by_hand(bench.video_id, "es", "translation")
    with pytest.raises(Failure, match="translated anew since its track was mixed"):
        by_hand(bench.video_id, "es", "r2_object")
    assert ["source", "translation"] == bench.client.get(dub).json()["stale_because"]
    assert said == bench.released()
    # Its take is still to be paid for.
    [line] = [each for each in bench.lines() if each["number"] == 1]
    quote = bench.client.put(dub, json={"dry_run": True}).json()["estimate"]
    assert line["end"] - line["start"] == pytest.approx(quote["seconds"])
    bench.client.put(dub)
    bench.dub()
    assert [] == bench.client.get(dub).json()["stale_because"]


def test_captions_that_come_later_are_what_is_said(workshop: Workshop, dubbed: Dubbed) -> None:
    """In place of what was heard, of a video that is released already."""
    services = services_from(workshop.settings, workshop.add_partitions)  # type: ignore[arg-type]
    with local_client(services) as client:
        path = f"/videos/{dubbed.video_id}"
        answer = client.put(f"{path}/captions", files={"captions": ("a.srt", CAPTIONS.encode())})
        assert (202, True) == (answer.status_code, answer.json()["captions_taken"])
        assert (True, ["queued"]) == (
            answer.json()["dubs"][0]["stale"],
            [answer.json()["status"]],
        )
        # What it will cost is known once they are read, and is taken for the whole till then.
        whole = client.put(f"{path}/dubs/es?dry_run=true").json()["estimate"]["seconds"]
        assert answer.json()["duration_seconds"] == whole
        listen_again(workshop, dubbed.video_id)
        said = client.get(f"{path}/lines").json()
    assert ("captions", ["Every winter.", "On Monday."]) == (
        said["engine"],
        [line["text"] for line in said["lines"]],
    )


@pytest.fixture
def doubted(workshop: Workshop, prepared: str) -> str:
    """The clip, of which its recogniser is not sure enough."""
    transcript = value_in(workshop.store, Transcript, "transcript", prepared)
    assert transcript is not None
    key = value_key("transcript", prepared)
    written: Mapping[str, Any] = json.loads(workshop.store.get_bytes(key))
    sure = {**written, "least_confidence": 0.99}
    workshop.store.put_bytes(key, json.dumps(sure).encode())
    return prepared


def test_words_that_are_not_believed_are_held(workshop: Workshop, doubted: str) -> None:
    """The gate fails in words, no dub begins, and what was heard can be looked at."""
    registry, now = workshop.registry, datetime.now(timezone.utc)
    hold(workshop, doubted)
    video, dub = registry.video(doubted), registry.dub(doubted, "es")
    assert (VideoStatus.FAILED, DubStatus.FAILED) == (video.status, dub.status)
    assert (MisheardError.code, MisheardError.code) == tuple(
        (row.error_details or {})["code"] for row in (video, dub)
    )
    sentence = str((video.error_details or {})["message"])
    assert sentence.startswith("We may have misheard this video (")
    assert "/captions" in sentence
    assert [] == registry.claim_dubs(limit=9, now=now)
    # Nor does one that an operator starts by hand.
    by_hand = workshop.dub(doubted, "es", raise_on_error=False)
    assert [] == list(list_made(by_hand))


def test_who_believes_them_has_them_dubbed(workshop: Workshop, doubted: str) -> None:
    """Without listening again."""
    hold(workshop, doubted)
    workshop.registry.believe(doubted)
    [work] = workshop.registry.claim_videos(limit=9, now=datetime.now(timezone.utc))
    assert work.listen_only
    made = list_made(listen_again(workshop, doubted))
    assert 0.99 == metadata_of(made["transcript"])["least confidence"].value
    assert VideoStatus.PREPARED is workshop.registry.video(doubted).status
    [dub] = workshop.registry.claim_dubs(limit=9, now=datetime.now(timezone.utc))
    assert "es" == dub.language


def hold(workshop: Workshop, video_id: str) -> None:
    """Have it listened to, and its failure written as the sensor does."""
    services = services_from(workshop.settings, workshop.add_partitions)  # type: ignore[arg-type]
    with local_client(services) as client:
        correct(client, video_id, 0, "Every summer some people come to visit us.")
        correct(client, video_id, 0, None)
    result = listen_again(workshop, video_id, raise_on_error=False)
    run = workshop.instance.get_run_by_id(result.run_id)
    assert run is not None
    record_failure(workshop.registry, workshop.instance, run, reason_of(workshop.instance, run))
