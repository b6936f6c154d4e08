"""What every downloader promises: the original with its facts, or words and no file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dub_platform.core.errors import (
    ArtifactMissingError,
    InvalidVideoIdError,
    SourceNotEnabledError,
    SourceUnreachableError,
)
from dub_platform.registry import NewVideo, Source, SqlRegistry, Video
from resources.downloader.port import Downloaders, Fetched
from resources.downloader.upload import UploadDownloader
from resources.downloader.youtube import YouTubeDownloader
from resources.store.local import LocalStore
from resources.system.workfolder import WorkFolders
from tests.support.new_registries import make_registry

UPLOAD = "up-0123456789abcdef0123456789abcdef"
UPLOAD_KEY = f"videos/{UPLOAD}/upload.mp4"
CAPTIONS_KEY = f"videos/{UPLOAD}/captions.srt"
YOUTUBE = "dQw4w9WgXcQ"
# Port 9 is nobody's: whatever asks it for a way to the internet is refused at once.
NO_WAY = "http://127.0.0.1:9"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", "http://dub.test/media")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A work folder."""
    made = tmp_path / "work"
    made.mkdir()
    return made


def handed_in(home: Path, video: NewVideo) -> Video:
    """The video as the registry has it."""
    url = f"sqlite:///{home / 'registry.sqlite'}"
    make_registry(url)
    return SqlRegistry.at(url).accept(video, ["es"])[0]


def test_an_upload_is_in_the_store_already(store: LocalStore, folder: Path, tmp_path: Path) -> None:
    """Its bytes and title come as they were handed in, and with the key to keep."""
    store.put_bytes(UPLOAD_KEY, b"video")
    new = NewVideo(UPLOAD, Source.UPLOAD, title="A harbor", upload_key=UPLOAD_KEY)
    fetched = UploadDownloader(store).fetch(handed_in(tmp_path, new), folder)
    assert Fetched(fetched.path, "A harbor", UPLOAD_KEY, None) == fetched
    assert (b"video", folder) == (fetched.path.read_bytes(), fetched.path.parent)


def test_captions_handed_in_come_with_the_upload(
    store: LocalStore, folder: Path, tmp_path: Path
) -> None:
    """As a file of their own, with their ending."""
    store.put_bytes(UPLOAD_KEY, b"video")
    store.put_bytes(CAPTIONS_KEY, b"captions")
    new = NewVideo(UPLOAD, Source.UPLOAD, upload_key=UPLOAD_KEY, captions_key=CAPTIONS_KEY)
    captions = UploadDownloader(store).fetch(handed_in(tmp_path, new), folder).captions
    assert captions is not None
    assert (b"captions", ".srt") == (captions.read_bytes(), captions.suffix)


def test_an_upload_that_is_gone_is_named(store: LocalStore, folder: Path, tmp_path: Path) -> None:
    """The store says which artifact is missing."""
    new = NewVideo(UPLOAD, Source.UPLOAD, upload_key=UPLOAD_KEY)
    with pytest.raises(ArtifactMissingError, match=UPLOAD_KEY):
        UploadDownloader(store).fetch(handed_in(tmp_path, new), folder)


def test_an_upload_without_a_key_is_named(store: LocalStore, folder: Path, tmp_path: Path) -> None:
    """The registry knows the video and not its file: it has to be handed in again."""
    video = handed_in(tmp_path, NewVideo(UPLOAD, Source.UPLOAD))
    with pytest.raises(ArtifactMissingError, match="Hand the file in again"):
        UploadDownloader(store).fetch(video, folder)


def test_each_source_has_its_downloader(store: LocalStore, folder: Path, tmp_path: Path) -> None:
    """An upload goes to the one for uploads."""
    store.put_bytes(UPLOAD_KEY, b"video")
    video = handed_in(tmp_path, NewVideo(UPLOAD, Source.UPLOAD, upload_key=UPLOAD_KEY))
    downloaders = Downloaders({Source.UPLOAD: UploadDownloader(store)})
    assert b"video" == downloaders.fetch(video, folder).path.read_bytes()


def test_a_source_that_is_not_taken_is_refused(
    store: LocalStore, folder: Path, tmp_path: Path
) -> None:
    """The sentence names the setting that leaves it out."""
    video = handed_in(tmp_path, NewVideo(YOUTUBE, Source.YOUTUBE))
    downloaders = Downloaders({Source.UPLOAD: UploadDownloader(store)})
    with pytest.raises(SourceNotEnabledError, match="DUB_DOWNLOADER"):
        downloaders.fetch(video, folder)


def test_no_way_to_youtube_is_said_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    """It can be tried again; the detail has yt-dlp's words, and no file is left half done."""
    video = handed_in(tmp_path, NewVideo(YOUTUBE, Source.YOUTUBE))
    downloader = YouTubeDownloader(max_seconds=60, proxy=NO_WAY)
    with pytest.raises(SourceUnreachableError) as failed:
        downloader.fetch(video, folder)
    assert failed.value.retryable
    assert YOUTUBE in str(failed.value.detail)
    assert [] == list(folder.iterdir())


def test_only_an_id_is_made_an_address(folder: Path, tmp_path: Path) -> None:
    """Nothing else is ever opened, also if it got as far as the registry."""
    video = handed_in(tmp_path, NewVideo("dQw4w9WgXcQ&list=x", Source.YOUTUBE))
    with pytest.raises(InvalidVideoIdError):
        YouTubeDownloader(max_seconds=60, proxy=NO_WAY).fetch(video, folder)


def test_a_copy_can_go_with_its_folder(tmp_path: Path, store: LocalStore) -> None:
    """The work folder is removed, and the store keeps its own."""
    store.put_bytes(UPLOAD_KEY, b"video")
    video = handed_in(tmp_path, NewVideo(UPLOAD, Source.UPLOAD, upload_key=UPLOAD_KEY))
    with WorkFolders(tmp_path / "spool").new("source") as folder:
        UploadDownloader(store).fetch(video, folder)
    assert b"video" == store.get_bytes(UPLOAD_KEY)
