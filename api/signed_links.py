"""Who may watch a video: everybody, or only the holder of a signed link.

    video = watchable(request, video_id)         # VideoNotFoundError without a valid link
    sign_if_needed(services, video, "https://dub.example.com/media/releases/ID/film/1.mp4")

A video that needs a link is answered without one as if it did not exist.
"""

from __future__ import annotations

from starlette.requests import Request

from api.services import Services, unscoped_services_of
from dub_platform.core.errors import LinksNotEnabledError
from dub_platform.registry.database.tables import utc_now
from dub_platform.registry.records import Video, Visibility, no_video


def watchable(request: Request, video_id: str) -> Video:
    """Return the video, if the caller may watch it. Raises VideoNotFoundError, LinkExpiredError."""
    video = unscoped_services_of(request).registry.video(video_id)
    require_watchable(request, video)
    return video


def require_watchable(request: Request, video: Video) -> None:
    """Check that the caller may watch the video. Raises VideoNotFoundError, LinkExpiredError."""
    services = unscoped_services_of(request)
    if video.visibility is Visibility.SIGNED and not _is_signed(services, request, video.id):
        raise no_video(video.id)


def sign_if_needed(services: Services, video: Video, address: str) -> str:
    """Return the address of a page or file of the video, with a signature if the video needs
    one."""
    if video.visibility is Visibility.PUBLIC or services.links is None:
        return address
    mark = "&" if "?" in address else "?"
    return f"{address}{mark}{services.links.sign(video.id, utc_now()).query}"


def require_offered(services: Services, visibility: Visibility | None) -> Visibility | None:
    """Check that this deployment can offer the visibility, and return it.

    Raises LinksNotEnabledError.
    """
    if visibility is not Visibility.SIGNED:
        return visibility
    if services.links is None:
        raise LinksNotEnabledError(
            "Links cannot be signed here, so the video would be there for nobody. Ask the "
            "operator to set DUB_LINK_SECRET, or leave the video public."
        )
    if services.store.is_public:
        raise LinksNotEnabledError(
            "Releases are put into a bucket here that is public as a whole, so a signed link "
            "would keep nobody out. Ask the operator to close the bucket and leave "
            "DUB_R2_PUBLIC_URL empty, or leave the video public."
        )
    return visibility


def _is_signed(services: Services, request: Request, video_id: str) -> bool:
    query = request.query_params
    given = query.get("expires", ""), query.get("signature", "")
    return services.links is not None and services.links.check(video_id, *given, utc_now())
