"""How often a store that is far away is asked, for a dub that is made again and for one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.asgi import services_from
from dub_platform.core.speech import Audio, Takes, Track
from resources.store.values import value_in
from tests.assets.conftest import settle
from tests.support.rig.services import local_client
from tests.support.rig.workshop import Workshop, list_made, metadata_of, open_workshop
from tests.support.servers.counting_proxy import CountingProxy
from tests.support.servers.swift import running_swift


@dataclass(frozen=True)
class Remote:
    """A deployment whose bucket has the clip, dubbed into Spanish, and what it is asked for."""

    workshop: Workshop
    proxy: CountingProxy
    video_id: str

    def asked_for(self, key: str) -> list[str]:
        """The methods of the requests for this key."""
        return [method for method, path in self.proxy.asked if path.endswith(f"/{key}")]


@pytest.fixture
def remote(
    tmp_path: Path, dubbed_home: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Remote]:
    swift = running_swift()
    monkeypatch.setenv("DUB_R2_ACCESS_KEY_ID", swift.key_id)
    monkeypatch.setenv("DUB_R2_SECRET_ACCESS_KEY", swift.secret)
    with CountingProxy(swift.endpoint) as proxy:
        chosen = {**swift.new_settings(), "r2_endpoint": proxy.origin}
        with open_workshop(tmp_path, **chosen) as workshop:
            video_id = settle(workshop, dubbed_home, clip)
            kept = workshop.settings.store_dir
            for path in filter(Path.is_file, kept.rglob("*")):
                workshop.store.put_file(path.relative_to(kept).as_posix(), path)
            proxy.forget()
            yield Remote(workshop, proxy, video_id)


@pytest.mark.long
def test_a_dub_that_is_made_again_fetches_each_take_once(remote: Remote) -> None:
    """Receipt and recording, for what is drawn, mixed and listened to; nothing is written."""
    made = list_made(remote.workshop.dub_by_hand(remote.video_id, "es"))
    assert (0, 2) == tuple(
        metadata_of(made["speech"])[f"takes {how}"].value for how in ("paid", "reused")
    )
    takes = value_in(remote.workshop.store, Takes, "speech", remote.video_id, "es")
    assert takes
    of_takes = Counter(
        (method, path.rpartition("/")[2])
        for method, path in remote.proxy.asked
        if "/takes/" in path
    )
    names = [f"{take.key}{end}" for take in takes.takes for end in (".flac", ".json")]
    assert {("GET", name): 1 for name in names} == of_takes


def test_track_and_sound_are_fetched_once_for_mix_and_gates(remote: Remote) -> None:
    """The track is also read back where it is released."""
    remote.workshop.dub_by_hand(remote.video_id, "es")
    asked = list(remote.proxy.asked)
    audio = value_in(remote.workshop.store, Audio, "audio", remote.video_id)
    track = value_in(remote.workshop.store, Track, "dubbed_track", remote.video_id, "es")
    assert audio
    assert track
    remote.proxy.asked[:] = asked
    assert ["GET"] == remote.asked_for(audio.sound_key)
    assert 1 == remote.asked_for(track.key).count("GET")


@pytest.mark.long
def test_no_value_is_asked_for_before_it_is_read(remote: Remote) -> None:
    """Of a dub that is there, each is one request."""
    remote.workshop.dub_by_hand(remote.video_id, "es", "translation", "speech")
    looked_for = [path for method, path in remote.proxy.asked if method == "HEAD"]
    assert [] == [path for path in looked_for if path.endswith(".json")]


def test_one_line_is_four_requests_and_an_edit_eight(remote: Remote) -> None:
    """Transcript, translation, takes and manifest; an edit reads what was before, and is after."""
    path = f"/videos/{remote.video_id}/dubs/es/lines/1"
    services = services_from(remote.workshop.settings, lambda *_: None)  # type: ignore[arg-type]
    with local_client(services) as client:
        remote.proxy.forget()
        line = client.get(path)
        assert (200, 4) == (line.status_code, len(remote.proxy.asked))
        remote.proxy.forget()
        seen = {"If-Match": line.headers["etag"]}
        edit = client.put(path, json={"text": "Otra cosa."}, headers=seen)
        assert (202, 8) == (edit.status_code, len(remote.proxy.asked))
