"""The registry as one tenant sees it.

    registry = SqlRegistry.at(url).of("acme")
    registry.video(video_id)                     # VideoNotFoundError for what is another tenant's

Each tenant has rows of its own for the same content, so nothing that one does shows to another. Its
channels too: their ids in the table begin with the tenant, and are handed out without it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from dub_platform.core.service.channels import channel_of, without_tenant
from dub_platform.core.style.wording import AS_BEFORE, Wording
from dub_platform.core.text.edits import LineEdit
from dub_platform.registry.catalogue import SqlCatalogue
from dub_platform.registry.records import (
    EVERY_VIDEO,
    Channel,
    Dub,
    DubState,
    NewVideo,
    Page,
    Video,
    Visibility,
    Wanted,
    Whole,
    no_video,
)


class TenantCatalogue:
    """Keeps the promises of `Catalogue` for what is this tenant's.

    It asks everybody's catalogue and does not extend it: a method that is not written here does not
    exist for tenants.
    """

    def __init__(self, everybodys: SqlCatalogue, tenant: str) -> None:
        self._everybodys = everybodys
        self.tenant = tenant

    def accept(
        self, video: NewVideo, languages: Sequence[str], wording: Wording = AS_BEFORE
    ) -> tuple[Video, bool]:
        accepted, created = self._everybodys.accept(
            replace(video, tenant=self.tenant), languages, wording
        )
        return self._show(accepted), created

    def change(
        self, video_id: str, *, visibility: Visibility | None = None, title: str | None = None
    ) -> Video:
        self.video(video_id)
        return self._show(self._everybodys.change(video_id, visibility=visibility, title=title))

    def remove(self, video_id: str) -> None:
        self.video(video_id)
        self._everybodys.remove(video_id)

    def remove_dub(
        self, video_id: str, language: str, *, request_id: str | None = None
    ) -> str | None:
        self.video(video_id)
        return self._everybodys.remove_dub(video_id, language, request_id=request_id)

    def ask(
        self,
        video_id: str,
        language: str,
        wording: Wording = AS_BEFORE,
        *,
        read: Dub | None = None,
        request_id: str | None = None,
    ) -> Dub:
        self.video(video_id)
        return self._everybodys.ask(video_id, language, wording, read=read, request_id=request_id)

    def video(self, video_id: str) -> Video:
        return self._own(self._everybodys.video(video_id))

    def wholes(self, video_ids: Collection[str]) -> Mapping[str, Whole]:
        return {
            video_id: replace(found, video=self._show(found.video))
            for video_id, found in self._everybodys.wholes(video_ids).items()
            if found.video.tenant == self.tenant
        }

    def whole(self, video_id: str) -> Whole:
        found = self.wholes([video_id])
        if video_id not in found:
            raise no_video(video_id)
        return found[video_id]

    def videos(
        self,
        wanted: Wanted = EVERY_VIDEO,
        *,
        cursor: str | None = None,
        limit: int = 50,
        oldest_first: bool = False,
    ) -> Page:
        page = self._everybodys.videos(
            wanted, cursor=cursor, limit=limit, oldest_first=oldest_first, tenant=self.tenant
        )
        return replace(page, videos=tuple(map(self._show, page.videos)))

    def dub_states(self, video_ids: Sequence[str]) -> Mapping[str, Sequence[DubState]]:
        return self._everybodys.dub_states(video_ids, tenant=self.tenant)

    def dubs(self, video_id: str) -> Sequence[Dub]:
        return self._everybodys.dubs(video_id, tenant=self.tenant)

    def dub(self, video_id: str, language: str) -> Dub:
        self.video(video_id)
        return self._everybodys.dub(video_id, language)

    def edits(self, video_id: str, language: str | None) -> Sequence[LineEdit]:
        return self._everybodys.edits(video_id, language) if self.was_asked_for(video_id) else ()

    def edit(
        self,
        video_id: str,
        language: str | None,
        edits: Sequence[LineEdit],
        *,
        after: int,
        request_id: str | None = None,
    ) -> bool:
        self.video(video_id)
        # The line above raises for another tenant's video, as in each method here that changes one.
        return self._everybodys.edit(video_id, language, edits, after=after, request_id=request_id)

    def caption(self, video_id: str, captions_key: str, *, request_id: str | None = None) -> Video:
        self.video(video_id)
        return self._show(self._everybodys.caption(video_id, captions_key, request_id=request_id))

    def name_language(
        self, video_id: str, language: str, *, request_id: str | None = None
    ) -> Video:
        self.video(video_id)
        named = self._everybodys.name_language(video_id, language, request_id=request_id)
        return self._show(named)

    def believe(self, video_id: str, *, request_id: str | None = None) -> Video:
        self.video(video_id)
        return self._show(self._everybodys.believe(video_id, request_id=request_id))

    def was_asked_for(self, video_id: str, language: str | None = None) -> bool:
        return self._everybodys.was_asked_for(video_id, language) and (
            self._everybodys.video(video_id).tenant == self.tenant
        )

    def channel(self, channel_id: str) -> Channel:
        return _bare(self._everybodys.channel(channel_of(self.tenant, channel_id)))

    def channels(self, *, after: str = "", limit: int = 50) -> Sequence[Channel]:
        after = channel_of(self.tenant, after)
        found = self._everybodys.channels(after=after, limit=limit, tenant=self.tenant)
        return [_bare(channel) for channel in found]

    def keep_channel(
        self, channel_id: str, *, title: str | None = None, wording: Wording = AS_BEFORE
    ) -> tuple[Channel, bool]:
        scoped = channel_of(self.tenant, channel_id)
        kept, created = self._everybodys.keep_channel(scoped, title=title, wording=wording)
        return _bare(kept), created

    def _own(self, video: Video) -> Video:
        """Return the video as its tenant sees it. Raises VideoNotFoundError for another
        tenant's."""
        if video.tenant != self.tenant:
            raise no_video(video.id)
        return self._show(video)

    def _show(self, video: Video) -> Video:
        """Return the video with its channel's id as its tenant knows it."""
        channel_id = video.channel_id and without_tenant(video.channel_id)
        return replace(video, channel_id=channel_id)


def _bare(channel: Channel) -> Channel:
    return replace(channel, id=without_tenant(channel.id))
