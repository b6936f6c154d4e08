"""What a registry promises of tenants, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from sqlalchemy import Engine

from dub_platform.core.errors import (
    ChannelNotFoundError,
    DubNotFoundError,
    InvalidRequestError,
    VideoNotFoundError,
)
from dub_platform.core.style.wording import Wording
from dub_platform.core.text.edits import LineEdit
from dub_platform.registry import Catalogue, Lookup, NewVideo, Registry, Source, SqlRegistry
from dub_platform.registry.records import Visibility

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
EDIT = LineEdit(0, "Good day.", 0.0, 1.0, "Buen día.", None, NOW)
CHANNEL = "UC0123456789012345678901"
ACMES, GLOBEXS = "yt-" + "a" * 32, "yt-" + "b" * 32


@pytest.fixture
def registry(engine: Engine) -> Registry:
    return SqlRegistry(engine)


@pytest.fixture
def acme(registry: Registry) -> Catalogue:
    """A tenant with a video in Spanish."""
    tenant = registry.of("acme")
    tenant.accept(NewVideo(ACMES, Source.YOUTUBE, title="Ours"), ["es"])
    return tenant


@pytest.fixture
def globex(registry: Registry) -> Catalogue:
    return registry.of("globex")


def test_what_has_the_id_of_anothers_video_is_not_taken(
    acme: Catalogue, registry: Registry
) -> None:
    """An id is a hash of a content, and somebody may find another with the same."""
    with pytest.raises(InvalidRequestError):
        registry.of("default").accept(NewVideo(ACMES, Source.UPLOAD), ["ca"])
    assert ["es"] == [dub.language for dub in acme.dubs(ACMES)]


def test_a_method_that_is_not_written_for_tenants_does_not_exist_for_them(
    registry: Registry, acme: Catalogue
) -> None:
    """Neither what the pipeline writes nor a way to another tenant's."""
    promised = {*vars(Lookup), *vars(Catalogue)}
    written = {name for name in promised if not name.startswith("_")}
    public = {name for name in dir(registry) if not name.startswith("_")}
    assert {"of", "hold", "release", "fail", "removals", "finish_removal"} <= public - written
    assert "count" in public - written
    assert [] == [name for name in sorted(public - written) if hasattr(acme, name)]
    assert [] == [name for name in sorted(written) if not callable(getattr(acme, name, None))]


def test_what_is_another_tenants_is_not_there(acme: Catalogue, globex: Catalogue) -> None:
    """It reads as what nobody handed in, word for word."""
    asked = [
        globex.video,
        globex.whole,
        lambda video: globex.dub(video, "es"),
        lambda video: globex.ask(video, "ca"),
        lambda video: globex.change(video, visibility=Visibility.SIGNED),
        lambda video: globex.edit(video, "es", [EDIT], after=0),
        globex.remove,
    ]
    for ask in asked:
        told = []
        for video_id in (ACMES, GLOBEXS):
            with pytest.raises(VideoNotFoundError) as raised:
                ask(video_id)
            told.append(raised.value.sentence.replace(video_id, "ID"))
        assert told[0] == told[1]
    assert acme.edit(ACMES, "es", [EDIT], after=0)
    assert ((), False) == (tuple(globex.dubs(ACMES)), globex.was_asked_for(ACMES))
    assert ([ACMES], []) == (list(acme.wholes([ACMES])), list(globex.wholes([ACMES])))
    assert [[EDIT], []] == [list(each.edits(ACMES, "es")) for each in (acme, globex)]
    assert ["es"] == [dub.language for dub in acme.dubs(ACMES)]
    assert Visibility.PUBLIC is acme.video(ACMES).visibility


def test_a_tenant_lists_its_own(registry: Registry, acme: Catalogue, globex: Catalogue) -> None:
    """The platform itself sees everybody's."""
    globex.accept(NewVideo(GLOBEXS, Source.YOUTUBE), ["es"])
    assert [[ACMES], [GLOBEXS], []] == [
        [video.id for video in each.videos().videos]
        for each in (acme, globex, registry.of("default"))
    ]
    assert {ACMES, GLOBEXS} == {video.id for video in registry.videos().videos}
    seen = [each.dub_states([ACMES])[ACMES] for each in (acme, globex)]
    assert [1, 0] == list(map(len, seen))


def test_pages_of_a_tenant_meet_each_of_its_videos_once(
    registry: Registry, acme: Catalogue, globex: Catalogue
) -> None:
    """However many of others lie between."""
    wanted = [ACMES]
    for number in range(4):
        globex.accept(NewVideo(f"globex-{number:04}", Source.YOUTUBE), ["es"])
        wanted.append(f"ofacme-{number:04}")
        acme.accept(NewVideo(wanted[-1], Source.YOUTUBE), ["es"])
    page = acme.videos(limit=2)
    seen = [video.id for video in page.videos]
    while page.next_cursor:
        page = acme.videos(limit=2, cursor=page.next_cursor)
        seen += [video.id for video in page.videos]
    assert wanted[::-1] == seen


def test_what_was_there_before_tenants_is_the_defaults(registry: Registry) -> None:
    """And what is handed in where nobody asks for keys."""
    registry.accept(NewVideo(ACMES, Source.YOUTUBE), ["es"])
    assert "default" == registry.of("default").video(ACMES).tenant
    with pytest.raises(VideoNotFoundError):
        registry.of("acme").video(ACMES)


def test_a_language_nobody_asked_for_is_told_to_its_tenant(acme: Catalogue) -> None:
    """Who has the video is told what it lacks."""
    with pytest.raises(DubNotFoundError):
        acme.dub(ACMES, "ca")


def test_each_tenant_words_a_channel_for_itself(
    registry: Registry, acme: Catalogue, globex: Catalogue
) -> None:
    """Its videos are dubbed so, and nobody else's."""
    acme.keep_channel(CHANNEL, title="Harbors", wording=Wording(formality="formal"))
    with pytest.raises(ChannelNotFoundError):
        globex.channel(CHANNEL)
    globex.accept(NewVideo(GLOBEXS, Source.YOUTUBE), ["es"])
    for video_id in (ACMES, GLOBEXS):
        registry.note_source(
            video_id, language=None, channel_id=CHANNEL, channel_title="Of YouTube"
        )
    assert [("Harbors", "formal"), ("Of YouTube", None)] == [
        (kept.title, kept.formality) for kept in (acme.channel(CHANNEL), globex.channel(CHANNEL))
    ]
    # What the pipeline reads: through the video's row, without a tenant.
    assert ["formal", None] == [
        registry.channel(str(registry.video(video_id).channel_id)).formality
        for video_id in (ACMES, GLOBEXS)
    ]
    assert [CHANNEL, CHANNEL] == [acme.video(ACMES).channel_id, globex.video(GLOBEXS).channel_id]


def test_a_tenant_lists_its_own_channels(registry: Registry, acme: Catalogue) -> None:
    """Under the ids that YouTube gave them, page by page."""
    ids = [f"UC{number:022}" for number in range(3)]
    default = registry.of("default")
    for channel_id in ids:
        acme.keep_channel(channel_id, title="A")
    default.keep_channel(CHANNEL, title="D")
    assert ids[1:] == [channel.id for channel in acme.channels(after=ids[0])]
    assert [CHANNEL] == [channel.id for channel in default.channels()]
    assert [] == list(registry.of("acme-2").channels())


def test_who_may_watch_can_be_changed(acme: Catalogue) -> None:
    """By a request that says so, and not by one that does not."""
    assert Visibility.SIGNED is acme.change(ACMES, visibility=Visibility.SIGNED).visibility
    again, _ = acme.accept(NewVideo(ACMES, Source.YOUTUBE), ["es"])
    assert Visibility.SIGNED is again.visibility
    public = NewVideo(ACMES, Source.YOUTUBE, visibility=Visibility.PUBLIC)
    assert Visibility.PUBLIC is acme.accept(public, ["es"])[0].visibility
