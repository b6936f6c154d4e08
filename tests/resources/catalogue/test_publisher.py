"""Releases: what viewers get of a dub, and that the film never loses a language."""

from __future__ import annotations

import itertools
import json
import os
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from dub_platform.contracts.threads import at_once
from dub_platform.core.errors import (
    ArtifactDamagedError,
    ArtifactMissingError,
    DubNotFoundError,
    StorageUnavailableError,
)
from dub_platform.core.keys import file_sha256
from dub_platform.core.speech import (
    Line,
    Release,
    SourceMedia,
    Take,
    Takes,
    Track,
    Transcript,
    TranslatedLine,
    Translation,
)
from dub_platform.core.style.wording import Wording
from dub_platform.core.text.captions import as_srt, as_vtt, make_cues
from dub_platform.core.timeline import Placement, Timeline
from dub_platform.registry import DubStatus, NewVideo, Source, SqlRegistry, Work
from resources.catalogue.publisher import FinishedDub, Original, Publisher
from resources.catalogue.removal import withdraw_dub
from resources.store.copies import Copies
from resources.store.local import LocalStore
from resources.store.port import POINTER
from resources.store.s3 import S3Store
from resources.system.workfolder import WorkFolders
from tests.contracts.databases import database_url, empty_engine, engine, postgres, postgres_url
from tests.support.measuring import RATE, decode, tone_level_db
from tests.support.recipes.media import make_clip, make_sound, tone
from tests.support.servers.swift import running_swift

__all__ = ["database_url", "empty_engine", "engine", "postgres", "postgres_url"]

ID = "up-0123456789abcdef0123456789abcdef"
SECONDS = 3.0
ORIGINAL = 440
HERTZ = {"es": 660, "ca": 880, "gl": 1100, "eo": 1320}
LINES = (Line(0, 0.4, 1.2, "Good morning."), Line(1, 1.6, 2.4, "Come back <tomorrow>."))
TARGETS = {
    "es": ("Buenos días.", "Vuelva mañana."),
    "ca": ("Bon dia.", "Torneu demà."),
    "gl": ("Bos días.", "Volva mañá."),
    "eo": ("Bonan matenon.", "Revenu morgaŭ."),
}


@pytest.fixture
def registry(engine: Engine) -> SqlRegistry:
    """With one video that is prepared and asked for in every language."""
    made = SqlRegistry(engine)
    made.accept(NewVideo(ID, Source.UPLOAD, title="A harbor"), list(HERTZ))
    made.note_prepared(
        ID,
        title="A harbor",
        language="en",
        duration_seconds=SECONDS,
        file_size_bytes=1,
        run_id="run",
    )
    for language in HERTZ:
        made.begin_work(Work(ID, language, 1), f"run-{language}")
    return made


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source, clip.mp4, and a track for every language, such as es.m4a."""
    folder = tmp_path_factory.mktemp("media")
    make_clip(folder / "clip.mp4", seconds=SECONDS, sound=tone(ORIGINAL, SECONDS))
    for language, frequency in HERTZ.items():
        make_sound(folder / f"{language}.m4a", tone(frequency, SECONDS))
    return folder


@pytest.fixture
def store(tmp_path: Path, media: Path) -> LocalStore:
    """With the source and the track of every language."""
    made = LocalStore(tmp_path / "store", "http://dub.test/media")
    made.put_file(f"videos/{ID}/upload.mp4", media / "clip.mp4")
    for language in HERTZ:
        made.put_file(f"videos/{ID}/dubs/{language}/track-1.m4a", media / f"{language}.m4a")
    return made


@pytest.fixture
def publisher(store: LocalStore, registry: SqlRegistry) -> Publisher:
    return Publisher(store, registry)


@pytest.fixture
def folders(tmp_path: Path) -> WorkFolders:
    return WorkFolders(tmp_path / "spool")


def finished(store: LocalStore, language: str) -> FinishedDub:
    """A dub of two lines, each a tenth of a second late."""
    source, track = f"videos/{ID}/upload.mp4", f"videos/{ID}/dubs/{language}/track-1.m4a"
    takes = [Take(line.id, f"k{line.id}", "takes/k.flac", 1.0, 0.1, 0.8, 9, 0.01) for line in LINES]
    places = [Placement(line.id, line.start + 0.1, 0.7, 1.1, 0.1) for line in LINES]
    return FinishedDub(
        video_id=ID,
        media=SourceMedia(
            source, file_sha256(store.path(source)), store.size(source), SECONDS,
            "mov,mp4,m4a,3gp,3g2,mj2", "h264", "aac", 160, 90, "A harbor", "en",
        ),
        transcript=Transcript("en", "captions", LINES),
        translation=Translation(
            language,
            "apertium",
            tuple(TranslatedLine(line.id, TARGETS[language][line.id]) for line in LINES),
            cost_usd=0.005,
        ),
        speech=Takes(language, "espeak", tuple(takes)),
        track=Track(
            track, file_sha256(store.path(track)), store.size(track), SECONDS, -16.1, -1.6,
            Timeline(SECONDS, tuple(places)),
        ),
    )  # fmt: skip


def publish(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, language: str
) -> Release:
    """As the last step of a run does."""
    with Copies(publisher.store, folders) as copies:
        return publisher.publish(finished(store, language), copies, "run")


def publish_again(publisher: Publisher, store: LocalStore, folders: WorkFolders) -> Release:
    """The Spanish dub with another word in it."""
    dub = finished(store, "es")
    lines = (TranslatedLine(0, "Muy buenos días."), dub.translation.lines[1])
    with Copies(publisher.store, folders) as copies:
        return publisher.publish(
            replace(dub, translation=replace(dub.translation, lines=lines)), copies, "run"
        )


def pointed(store: LocalStore | S3Store) -> dict[str, Any]:
    """What is current for those who see the store only."""
    pointer: dict[str, Any] = json.loads(store.get_bytes(f"releases/{ID}/es/{POINTER}"))
    return pointer


def film_of(registry: SqlRegistry, store: LocalStore) -> Path:
    """The film that the registry names."""
    key = registry.video(ID).film_key
    assert key is not None
    return store.path(key)


def languages(film: Path) -> list[tuple[str, str]]:
    """Codec and language of every audio and caption stream."""
    import av

    with av.open(str(film)) as container:
        streams = [*container.streams.audio, *container.streams.subtitles]
        return [(one.codec_context.codec.name, one.metadata["language"]) for one in streams]


def hertz(film: Path) -> list[int]:
    """Which of the tones is the loudest in each sound of the film."""
    tones = [ORIGINAL, *HERTZ.values()]
    found = []
    for number in range(len(languages(film)) // 2):
        sound = decode(film, stream=f"0:a:{number}").mean(axis=1)
        found.append(max(tones, key=partial(tone_level_db, sound)))
    return found


def files(store: LocalStore) -> dict[str, bytes]:
    """Everything public, by key."""
    public = store.root / "releases"
    paths = [path for path in public.rglob("*") if path.is_file()]
    return {str(path.relative_to(store.root)): path.read_bytes() for path in paths}


def test_a_release_is_all_there_and_public(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """Every key it names has an address; the registry has it as the current one."""
    release = publish(publisher, store, folders, "es")
    keys = [release.track_key, release.manifest_key, *release.captions_keys.values()]
    assert 6 == len({store.url(key) for key in keys if store.exists(key)})
    dub = registry.dub(ID, "es")
    assert (DubStatus.RELEASED, release) == (dub.status, dub.release)


def test_a_release_has_the_numbers_of_its_dub(
    publisher: Publisher, store: LocalStore, folders: WorkFolders
) -> None:
    """Loudness, fit, size and cost, as they were measured and paid."""
    release = publish(publisher, store, folders, "es")
    track = store.path(release.track_key)
    assert (SECONDS, -16.1, -1.6) == (release.seconds, release.lufs, release.true_peak_db)
    assert pytest.approx((100.0, 1.1)) == (release.onset_p95_ms, release.tempo_p95)
    assert (track.stat().st_size, file_sha256(track)) == (release.bytes, release.sha256)
    assert pytest.approx(0.025) == release.cost_usd


def test_captions_of_both_languages_come_with_it(
    publisher: Publisher, store: LocalStore, folders: WorkFolders
) -> None:
    """The dub's where it is spoken, the source's where it was; as WebVTT and as SubRip."""
    keys = publish(publisher, store, folders, "es").captions_keys
    spoken = make_cues(
        (line.start + 0.1, line.start + 0.8, text)
        for line, text in zip(LINES, TARGETS["es"], strict=True)
    )
    source = make_cues((line.start, line.end, line.text) for line in LINES)
    assert {
        "vtt": as_vtt(spoken, "es"),
        "srt": as_srt(spoken),
        "source_vtt": as_vtt(source, "en"),
        "source_srt": as_srt(source),
    } == {name: store.get_bytes(key).decode() for name, key in keys.items()}


def test_the_manifest_says_what_it_was_made_of(
    publisher: Publisher, store: LocalStore, folders: WorkFolders
) -> None:
    """Engines, hashes, and each line with its slot, its place and its words."""
    release = publish(publisher, store, folders, "es")
    manifest = json.loads(store.get_bytes(release.manifest_key))
    assert (ID, "en", "es") == (
        manifest["video"], manifest["source_language"], manifest["language"]
    )  # fmt: skip
    assert {"transcript": "captions", "translation": "apertium", "speech": "espeak"} == manifest[
        "engines"
    ]
    assert (release.sha256, release.bytes) == (
        manifest["track"]["sha256"], manifest["track"]["bytes"]
    )  # fmt: skip
    assert {
        "id": 0,
        "slot": [0.4, 1.2],
        "start": 0.5,
        "seconds": 0.7,
        "tempo": 1.1,
        "parts": [{"start": 0.5, "seconds": 0.7, "tempo": 1.1}],
        "source": "Good morning.",
        "target": "Buenos días.",
    } == manifest["lines"][0]


def test_the_film_has_the_original_and_the_dub(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """Tagged in MP4's codes, each sound in its place and as long as the source to 20 ms."""
    publish(publisher, store, folders, "es")
    film = film_of(registry, store)
    assert [("aac", "eng"), ("aac", "spa"), ("mov_text", "eng"), ("mov_text", "spa")] == languages(
        film
    )
    assert [ORIGINAL, HERTZ["es"]] == hertz(film)
    for number in (0, 1):
        sound = decode(film, stream=f"0:a:{number}")
        assert pytest.approx(SECONDS, abs=0.020) == len(sound) / RATE


def test_one_language_after_another_ends_with_a_film_of_both(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """In the order of their codes, whichever came first."""
    for language in ("es", "ca"):
        publish(publisher, store, folders, language)
    film = film_of(registry, store)
    assert ["eng", "cat", "spa"] * 2 == [language for _, language in languages(film)]
    assert [ORIGINAL, HERTZ["ca"], HERTZ["es"]] == hertz(film)


def test_a_language_that_is_made_anew_stays_in_the_film(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """Its release is current until there is a better one, whatever its dub waits for."""
    publish(publisher, store, folders, "es")
    registry.ask(ID, "es", Wording(formality="formal"))
    publish(publisher, store, folders, "ca")
    assert [ORIGINAL, HERTZ["ca"], HERTZ["es"]] == hertz(film_of(registry, store))
    assert DubStatus.QUEUED is registry.dub(ID, "es").status


def test_languages_published_at_once_end_with_a_film_of_all(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """Runs that end in the same moment do not lose each other's language."""
    at_once([partial(publish, publisher, store, folders, language) for language in HERTZ])
    film = film_of(registry, store)
    assert ["eng", "cat", "epo", "spa", "glg"] * 2 == [code for _, code in languages(film)]
    assert [ORIGINAL, *(HERTZ[code] for code in sorted(HERTZ))] == hertz(film)
    assert {DubStatus.RELEASED} == {dub.status for dub in registry.dubs(ID)}


def test_publishing_the_same_again_changes_nothing(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """The same keys, the same bytes, the same film."""
    first = publish(publisher, store, folders, "es")
    before, film = files(store), registry.video(ID).film_key
    assert first == publish(publisher, store, folders, "es")
    assert (before, film) == (files(store), registry.video(ID).film_key)


def test_a_film_that_is_current_again_is_as_young_as_a_new_one(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """What was replaced long ago is removed, and this one no longer is."""
    publish(publisher, store, folders, "es")
    text = film_of(registry, store).with_suffix(".json")
    os.utime(text, (0, 0))
    began = time.time() - 1
    publish(publisher, store, folders, "es")
    assert text.stat().st_mtime > began


@pytest.mark.parametrize("changed", ["track", "words", "manifest"])
def test_another_content_has_another_address(
    publisher: Publisher,
    store: LocalStore,
    folders: WorkFolders,
    registry: SqlRegistry,
    changed: str,
) -> None:
    """What was public stays what it was; the new one is made beside it, with a film of its own."""
    first = publish(publisher, store, folders, "es")
    before, film = files(store), registry.video(ID).film_key
    dub = finished(store, "es")
    if changed == "track":
        key = f"videos/{ID}/dubs/ca/track-1.m4a"
        dub = replace(dub, track=replace(dub.track, key=key, sha256=file_sha256(store.path(key))))
    elif changed == "words":
        lines = (TranslatedLine(0, "Muy buenos días."), dub.translation.lines[1])
        dub = replace(dub, translation=replace(dub.translation, lines=lines))
    else:
        dub = replace(dub, speech=replace(dub.speech, engine="another voice"))
    with Copies(publisher.store, folders) as copies:
        second = publisher.publish(dub, copies, "run")
    assert first.track_key != second.track_key
    del before[f"releases/{ID}/es/{POINTER}"]
    assert before.items() <= files(store).items()
    assert (second, True) == (registry.dub(ID, "es").release, film != registry.video(ID).film_key)


def test_a_release_that_fails_midway_is_not_current(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """The registry names a release last, so half of one is nobody's; nothing stays in the spool."""
    publish(publisher, store, folders, "es")
    film, dub = registry.video(ID).film_key, finished(store, "ca")
    # The film needs the source, and is made after everything else.
    store.path(dub.media.key).unlink()
    with Copies(publisher.store, folders) as copies, pytest.raises(ArtifactMissingError):
        publisher.publish(dub, copies, "run")
    assert (DubStatus.RUNNING, None) == (
        registry.dub(ID, "ca").status, registry.dub(ID, "ca").release
    )  # fmt: skip
    assert film == registry.video(ID).film_key
    assert [] == list(folders.root.iterdir())


def test_a_dub_nobody_asked_for_is_not_released(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """The registry refuses to make it current."""
    dub = finished(store, "es")
    dub = replace(dub, translation=replace(dub.translation, language="pt"))
    with Copies(publisher.store, folders) as copies, pytest.raises(DubNotFoundError):
        publisher.publish(dub, copies, "run")
    assert registry.video(ID).film_key is None


def test_the_pointer_names_the_release_that_is_current(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """What was before it can still be had, every file of it."""
    first = publish(publisher, store, folders, "es")
    second = publish_again(publisher, store, folders)
    assert {
        "video": ID,
        "language": "es",
        "manifest": second.manifest_key,
        "track": second.track_key,
        "captions": second.captions_keys,
        "film": registry.video(ID).film_key,
        "seconds": SECONDS,
        "bytes": second.bytes,
        "sha256": second.sha256,
    } == pointed(store)
    keys = [first.track_key, first.manifest_key, *first.captions_keys.values()]
    assert [True] * 6 == [store.exists(key) for key in keys]


@dataclass
class FailingStore(LocalStore):
    """A store whose write number `at` fails, counted from 0."""

    root: Path
    at: int
    base_url: str = "http://dub.test/media"
    writes: itertools.count[int] = field(default_factory=itertools.count)

    def put_file(self, key: str, path: Path) -> None:
        self._count(key)
        super().put_file(key, path)

    def put_bytes(self, key: str, data: bytes) -> None:
        self._count(key)
        super().put_bytes(key, data)

    def _count(self, key: str) -> None:
        if next(self.writes) == self.at:
            raise StorageUnavailableError(f"{key} was not kept.")


def test_whichever_write_fails_nobody_sees_half_a_release(
    publisher: Publisher, store: LocalStore, folders: WorkFolders
) -> None:
    """Captions, track, manifest, film and its hash, pointer: the one before stays current."""
    publish(publisher, store, folders, "es")
    before = pointed(store)
    for number in range(9):
        failing = replace(publisher, store=FailingStore(store.root, at=number))
        with pytest.raises(StorageUnavailableError):
            publish_again(failing, store, folders)
        assert before == pointed(store)
    again = publish_again(publisher, store, folders)
    assert again.manifest_key == pointed(store)["manifest"]


@dataclass
class DamagingStore(LocalStore):
    """A store that loses the last byte of each file whose name ends so."""

    root: Path
    suffix: str
    base_url: str = "http://dub.test/media"

    def put_file(self, key: str, path: Path) -> None:
        super().put_file(key, path)
        if key.endswith(self.suffix):
            self.put_bytes(key, path.read_bytes()[:-1])


@pytest.mark.parametrize("suffix", ["track.m4a", ".mp4"])
def test_what_was_not_kept_whole_is_not_released(
    publisher: Publisher,
    store: LocalStore,
    folders: WorkFolders,
    registry: SqlRegistry,
    suffix: str,
) -> None:
    """It is read back first; the next try makes it good."""
    damaging = replace(publisher, store=DamagingStore(store.root, suffix))
    for _ in range(2):
        with pytest.raises(ArtifactDamagedError, match=suffix):
            publish(damaging, store, folders, "es")
    assert (None, None) == (registry.dub(ID, "es").release, registry.video(ID).film_key)
    assert not store.exists(f"releases/{ID}/es/{POINTER}")
    publish(publisher, store, folders, "es")
    assert [ORIGINAL, HERTZ["es"]] == hertz(film_of(registry, store))


def refilm(publisher: Publisher, store: LocalStore, folders: WorkFolders, language: str) -> Release:
    """As the run does that was begun because another dub was removed."""
    original = Original(ID, finished(store, language).media, "en")
    with Copies(publisher.store, folders) as copies:
        return publisher.refilm(original, language, copies, "run")


def test_a_film_is_made_without_a_dub_that_was_removed(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """What makes it stays the release that it was, under the same addresses."""
    before = {code: publish(publisher, store, folders, code) for code in ("ca", "es")}["ca"]
    film = registry.remove_dub(ID, "es")
    withdraw_dub(store, ID, "es", film)
    assert not [key for key in files(store) if "/es/" in key or key == film]
    assert before == refilm(publisher, store, folders, "ca") == registry.dub(ID, "ca").release
    assert [ORIGINAL, HERTZ["ca"]] == hertz(film_of(registry, store))
    assert (
        registry.video(ID).film_key
        == json.loads(store.get_bytes(f"releases/{ID}/ca/{POINTER}"))["film"]
    )


def test_a_film_with_a_dub_that_is_removed_meanwhile_is_no_more(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """It was made already: it does not become current, and nobody can come upon it."""
    publish(publisher, store, folders, "es")
    removing = RemovingRegistry(registry._engine)
    publish(Publisher(store, removing), store, folders, "ca")
    assert [ORIGINAL, HERTZ["ca"]] == hertz(film_of(registry, store))
    current = {registry.video(ID).film_key, removing.seen}
    assert current == {key for key in files(store) if key.endswith(".mp4")}


class RemovingRegistry(SqlRegistry):
    """One in which somebody removes the Spanish dub once the film with it is made."""

    seen: str | None = None

    def release(self, *asked: Any, **named: Any) -> bool:
        if self.seen is None:
            # Which the API deletes, and this test does not.
            self.seen = self.remove_dub(ID, "es")
        return super().release(*asked, **named)


@dataclass
class InterruptedStore(LocalStore):
    """A store that lets something else happen just before a pointer is written, once."""

    root: Path
    meanwhile: Callable[[], object]
    base_url: str = "http://dub.test/media"

    def put_bytes(self, key: str, data: bytes) -> None:
        if key.endswith(POINTER):
            meanwhile, self.meanwhile = self.meanwhile, lambda: None
            meanwhile()
        super().put_bytes(key, data)


def test_the_pointer_ends_as_the_registry_does(
    publisher: Publisher, store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """Also when a newer release overtakes an older one between its two last steps."""
    overtaking = partial(publish_again, publisher, store, folders)
    publish(
        replace(publisher, store=InterruptedStore(store.root, overtaking)), store, folders, "es"
    )
    current = registry.dub(ID, "es").release
    assert current is not None
    assert current.manifest_key == pointed(store)["manifest"]


def test_on_s3_anybody_can_read_a_release_as_it_was_made(
    store: LocalStore, folders: WorkFolders, registry: SqlRegistry
) -> None:
    """At the public address, with the type a player wants; and nothing else of the video."""
    swift = running_swift()
    private, public = swift.new_buckets()
    url = swift.public_url(public)
    s3 = S3Store(swift.client, bucket=private, public_bucket=public, public_url=url)
    dub = finished(store, "es")
    for key in (dub.media.key, dub.track.key):
        s3.put_file(key, store.path(key))
    publish(Publisher(s3, registry), store, folders, "es")
    pointer = pointed(s3)
    with urllib.request.urlopen(s3.url(pointer["track"])) as answer:
        assert store.path(dub.track.key).read_bytes() == answer.read()
        assert "audio/mp4" == answer.headers["content-type"]
    with urllib.request.urlopen(s3.url(pointer["captions"]["vtt"])) as answer:
        assert "WEBVTT" == answer.readline().decode().strip()[:6]
    assert [("aac", "eng"), ("aac", "spa")] == languages(s3.fetch(pointer["film"], store.root))[:2]
    objects = swift.client.list_objects_v2(Bucket=private)["Contents"]
    assert {dub.media.key, dub.track.key} == {each["Key"] for each in objects}
