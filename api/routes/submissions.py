"""Submitting a video: POST /videos.

    {"source": "https://youtu.be/dQw4w9WgXcQ", "languages": ["es", "ca"]}
    curl -F file=@clip.mp4 -F languages=es,ca http://127.0.0.1:5001/videos

The same content is the same video: the answer is 202 both times, and `created` tells which it was.
A video is accepted once its row in the registry is committed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.contract.bodies import json_in, media_type
from api.contract.responses import answer, estimate_for, video_answer
from api.contract.schemas import (
    DryRunQuery,
    Estimate,
    Quote,
    UploadOrder,
    VideoAnswer,
    VideoOrder,
    parse,
    require_once,
)
from api.routes.languages import check_languages, check_source_language
from api.routes.leading import redirect_to, wants_page
from api.routes.probing import Probing
from api.routes.wording import require_heedable
from api.services import Services, services_of
from api.signed_links import require_offered
from api.uploads import Captions, captions_in, receive_form, spool_upload, title_from
from dub_platform.core.errors import (
    EmptyBodyError,
    InvalidRequestError,
    SourceNotEnabledError,
    VideoNotFoundError,
)
from dub_platform.core.keys import content_key
from dub_platform.core.languages import AUTO
from dub_platform.core.service.titles import make_plain
from dub_platform.core.service.videos import tenants_id, upload_id, youtube_id
from dub_platform.core.style.wording import Wording
from dub_platform.observability.context import request_id
from dub_platform.registry.records import NewVideo, Source

_FILES = ("file", "captions")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Upload:
    """A multipart form: its files, and its fields after validation."""

    file: UploadFile
    captions: UploadFile | None
    order: UploadOrder


async def hand_in(request: Request) -> Response:
    """Accept a link (JSON) or a file (multipart/form-data)."""
    kind = media_type(request)
    if request.headers.get("content-length") == "0":
        raise EmptyBodyError(
            "The request is empty: send JSON with a source, or a form with a file."
        )
    if kind == "multipart/form-data":
        taken = await _hand_in_file(request)
    elif kind == "application/json":
        taken = await _hand_in_link(request)
    else:
        raise HTTPException(
            415,
            "A video is handed in as application/json, or with its file as multipart/form-data, "
            "which is what `curl -F` sends and `curl -d` does not.",
        )
    if isinstance(taken, Quote):
        return answer(taken)
    if wants_page(request):
        return redirect_to(next(iter(taken.links.watch.values())))
    return answer(taken, 202, {"location": taken.links.self})


async def _hand_in_link(request: Request) -> VideoAnswer | Quote:
    body = await json_in(request)
    if not body:
        raise EmptyBodyError("The request is empty: send JSON with a source and languages.")
    order = parse(VideoOrder, body).with_dry_run_of(parse(DryRunQuery, request.query_params))
    return await run_in_threadpool(take_link, services_of(request), order)


async def _hand_in_file(request: Request) -> VideoAnswer | Quote:
    services, query = services_of(request), parse(DryRunQuery, request.query_params)
    async with receive_form(request, services.max_upload_bytes) as form:
        probing: Probing = request.app.state.probing
        upload = _upload_in(form, query)
        return await probing.run(services.tenant, lambda: take_upload(services, upload))


def take_link(services: Services, order: VideoOrder) -> VideoAnswer | Quote:
    """Accept a YouTube video, or answer its cost for a dry run. Raises InputError."""
    if not services.youtube_enabled:
        raise SourceNotEnabledError(
            "Links are not taken here, only uploads: send the video itself as the field `file`."
        )
    source_id = youtube_id(order.source)
    video_id = tenants_id(source_id, services.tenant)
    spoken, codes = _check_order(services, video_id, order)
    estimate = estimate_for(services, codes, None)
    if order.dry_run:
        return Quote(id=video_id, estimate=estimate)
    new = NewVideo(
        video_id,
        Source.YOUTUBE,
        language=spoken,
        source_id=source_id,
        visibility=order.visibility,
        request_id=request_id(),
    )
    return _accept(services, new, codes, order.wording, estimate)


def take_upload(services: Services, upload: Upload) -> VideoAnswer | Quote:
    """Accept a file, or answer its cost for a dry run.

    Raises InputError, MediaError, StorageError.
    """
    captions = captions_in(upload.captions.file) if upload.captions else None
    with spool_upload(upload.file.file, services.spool_dir) as spool:
        video_id = upload_id(spool.sha256, services.tenant)
        spoken, codes = _check_order(services, video_id, upload.order)
        estimate = estimate_for(services, codes, services.probe(spool.path).seconds)
        if upload.order.dry_run:
            return Quote(id=video_id, estimate=estimate)
        upload_key = f"videos/{video_id}/upload.media"
        captions_key = captions_key_of(video_id, captions) if captions else None
        files: dict[str, Path | bytes] = {upload_key: spool.path}
        if captions and captions_key:
            files[captions_key] = captions.text.encode()
        _save_missing(services, files)
        new = NewVideo(
            video_id,
            Source.UPLOAD,
            title=make_plain(upload.order.title) or title_from(upload.file.filename),
            language=spoken,
            upload_key=upload_key,
            captions_key=captions_key,
            file_size_bytes=spool.bytes,
            visibility=upload.order.visibility,
            request_id=request_id(),
        )
        taken = _accept(services, new, codes, upload.order.wording, estimate)
        # A removal of the same video may have ended meanwhile, and deleted the new files.
        _save_missing(
            services, {key: data for key, data in files.items() if not services.store.exists(key)}
        )
    return taken


def captions_key_of(video_id: str, captions: Captions) -> str:
    """Return the store key of captions.

    It depends on the content, so that other captions of the same video overwrite none in use.
    """
    sha256 = hashlib.sha256(captions.text.encode()).hexdigest()
    return content_key(f"videos/{video_id}/captions", sha256, f".{captions.kind}")


def _save_missing(services: Services, files: Mapping[str, Path | bytes]) -> None:
    for key, content in files.items():
        if isinstance(content, Path):
            services.store.put_file(key, content)
        else:
            services.store.put_bytes(key, content)


def _upload_in(form: FormData, query: DryRunQuery) -> Upload:
    """Return the parts of the form. Raises InvalidRequestError if one is missing or sent twice."""
    files = {name: file_in(form, name) for name in _FILES}
    if files["file"] is None:
        raise InvalidRequestError(
            "There is no file in the request: send the video as the field `file`, with a name, "
            "as curl -F file=@clip.mp4 does."
        )
    single = [each for each in form.multi_items() if each[0] not in (*_FILES, "languages")]
    require_once(name for name, _ in single)
    fields: dict[str, object] = dict(single)
    fields["languages"] = _split_codes(form.getlist("languages"))
    order = parse(UploadOrder, fields).with_dry_run_of(query)
    return Upload(files["file"], files["captions"], order)


def file_in(form: FormData, name: str) -> UploadFile | None:
    """Return the form's file of this name, or None. Raises InvalidRequestError."""
    parts = form.getlist(name)
    if len(parts) > 1:
        raise InvalidRequestError(f"The field `{name}` came {len(parts)} times: send one.")
    if parts and not isinstance(parts[0], UploadFile):
        raise InvalidRequestError(f"The field `{name}` came as text: send it as a file.")
    # A browser sends an empty file field as a part without a file name.
    return next((part for part in parts if isinstance(part, UploadFile) and part.filename), None)


def _split_codes(values: Sequence[UploadFile | str]) -> list[str]:
    """Split the language codes: both `es,ca` and repeated fields are allowed."""
    texts = [value for value in values if isinstance(value, str)]
    return [code.strip() for text in texts for code in text.split(",") if code.strip()]


def _check_order(
    services: Services, video_id: str, order: VideoOrder | UploadOrder
) -> tuple[str, list[str]]:
    """Check the whole order; return the spoken language and the requested ones.

    Raises InputError for anything that is not available here.
    """
    require_heedable(services, order.wording)
    require_offered(services, order.visibility)
    spoken = _spoken_language(services, video_id, order.source_language)
    codes = check_languages(order.languages, spoken=spoken, available=services.targets(spoken))
    return spoken, codes


def _spoken_language(services: Services, video_id: str, given: str | None) -> str:
    """Return the language spoken: what is known of the video, else what the request says, else
    the setting."""
    try:
        known = services.registry.video(video_id).language
    except VideoNotFoundError:
        known = AUTO if given else services.source_language
    if known == AUTO and given:
        return check_source_language(given, detected=services.detects_languages)
    return known


def _accept(
    services: Services, new: NewVideo, codes: Sequence[str], wording: Wording, estimate: Estimate
) -> VideoAnswer:
    video, created = services.registry.accept(new, codes, wording)
    _log.info("video accepted", video=video.id, languages=",".join(codes), created=created)
    services.announce(video.id, codes)
    whole, spent = services.whole(video.id)
    taken = None if new.captions_key is None else whole.video.captions_key == new.captions_key
    return video_answer(
        services, whole, spent, created=created, estimate=estimate, captions_taken=taken
    )
