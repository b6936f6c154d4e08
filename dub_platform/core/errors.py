"""What can go wrong, as one small tree.

    DubError                       code, a sentence for the user, can a retry help
    ├── InputError                 what was asked for cannot be done as asked
    │   ├── InvalidVideoIdError         video_id_invalid
    │   ├── InvalidRequestError         request_invalid
    │   ├── EmptyBodyError              body_empty
    │   ├── UploadTooLargeError         upload_too_large
    │   ├── UnknownLanguageError        language_unknown
    │   ├── LanguageNotAvailableError   language_not_available
    │   ├── SpokenLanguageError         spoken_language_unfit
    │   ├── WordingNotAvailableError    wording_not_available
    │   ├── SourceNotEnabledError       source_not_enabled
    │   ├── InvalidChannelIdError       channel_id_invalid
    │   ├── VideoNotFoundError          video_not_found
    │   ├── DubNotFoundError            dub_not_found
    │   ├── LineNotFoundError           line_not_found
    │   ├── LinesNotReadyError          lines_not_ready        a retry can help
    │   ├── ChannelNotFoundError        channel_not_found
    │   ├── KeyNotFoundError            key_not_found
    │   ├── KeyRequiredError            key_required
    │   ├── KeyInvalidError             key_invalid
    │   ├── ScopeMissingError           scope_missing
    │   ├── NotLocalError               request_not_local
    │   ├── UnknownHostError            host_unknown
    │   ├── CrossSiteError              request_cross_site
    │   ├── LinksNotEnabledError        links_not_enabled
    │   ├── LinkExpiredError            link_expired
    │   ├── SlowBodyError               body_too_slow          a retry can help
    │   ├── RateLimitedError            rate_limited           a retry can help
    │   ├── VideoBeingRemovedError      video_being_removed    a retry can help
    │   ├── PreconditionFailedError     precondition_failed
    │   ├── PreconditionRequiredError   precondition_required
    │   ├── IdempotencyKeyReusedError   idempotency_key_reused
    │   ├── RequestInProgressError      request_in_progress    a retry can help
    │   ├── WebhookUrlError             webhook_url_refused
    │   ├── WebhookNotFoundError        webhook_not_found
    │   └── DeliveryNotFoundError       delivery_not_found
    ├── SourceError                the video cannot be had from where it is
    │   ├── SourceUnavailableError      source_unavailable
    │   ├── SourceLiveError             source_live
    │   ├── SourcePrivateError          source_private
    │   ├── SourceRemovedError          source_removed
    │   ├── SourceAgeRestrictedError    source_age_restricted
    │   ├── SourceRegionBlockedError    source_region_blocked
    │   ├── SourceDrmError              source_drm
    │   ├── SourceBotCheckError         source_bot_check
    │   └── SourceUnreachableError      source_unreachable     a retry can help
    ├── MediaError                 the file is there, but cannot be dubbed
    │   ├── NotAVideoError              media_not_a_video
    │   ├── TruncatedMediaError         media_truncated
    │   ├── NoAudioError                media_no_audio
    │   ├── NoSpeechError               media_no_speech
    │   ├── LanguageNotToldError        media_language_not_told
    │   ├── MisheardError               media_misheard
    │   ├── VideoTooLongError           video_too_long
    │   ├── MediaOverLimitError         media_over_limit
    │   └── MediaToolError              media_tool_failed
    ├── ProviderError              an engine did not do its part
    │   ├── EngineUnavailableError      engine_unavailable
    │   ├── EngineFailedError           engine_failed          a retry can help
    │   ├── BadTakeError                take_invalid           a retry can help
    │   ├── ProviderRefusedError        provider_refused
    │   ├── ProviderBusyError           provider_busy          a retry can help
    │   ├── ProviderUnavailableError    provider_unavailable   a retry can help
    │   ├── ProviderAnswerError         provider_answer_invalid  a retry can help
    │   └── CostCapError                cost_cap_reached
    ├── StorageError               an artifact cannot be written or read
    │   ├── ArtifactMissingError        artifact_missing
    │   ├── ArtifactDamagedError        artifact_damaged       a retry can help
    │   ├── StorageFullError            storage_full           a retry can help
    │   ├── StorageRefusedError         storage_refused
    │   ├── StorageUnavailableError     storage_unavailable    a retry can help
    │   └── BackupError                 backup_failed
    └── InternalError              ours to mend
        ├── GateFailedError             gate_failed
        ├── DaemonSilentError           daemon_silent          a retry can help
        ├── MachineBusyError            machine_busy           a retry can help
        ├── RunLostError                run_lost               a retry can help
        ├── RunStoppedError             run_stopped            a retry can help
        └── RunSupersededError          run_superseded

The same code stands in the API's problem document, the registry row, Dagster's failure
metadata and the log line. Errors of tools and libraries are wrapped once, at the border,
`raise X(...) from error`, and keep the tool's own words in `detail`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class DubError(Exception):
    """A failure that a user can meet: `sentence` says what happened, why, and what to do."""

    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False

    def __init__(self, sentence: str, *, detail: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.detail = detail

    def as_details(self) -> dict[str, str | bool]:
        """What the registry keeps: code, sentence, whether a retry helps, the tool's words."""
        details: dict[str, str | bool] = {
            "code": self.code,
            "message": self.sentence,
            "retryable": self.retryable,
        }
        if self.detail:
            details["detail"] = self.detail
        return details


class InputError(DubError):
    code = "request_invalid"


class InvalidVideoIdError(InputError):
    """What was sent is neither a YouTube id or address, nor an id of this platform."""

    code = "video_id_invalid"


class InvalidRequestError(InputError):
    """A field is missing, wrong or unknown; the sentence says which."""

    code = "request_invalid"


class EmptyBodyError(InputError):
    """Nothing, or an empty file, arrived."""

    code = "body_empty"


class UploadTooLargeError(InputError):
    """The upload is larger than `DUB_MAX_UPLOAD_MB`, or the JSON than 64 KiB."""

    code = "upload_too_large"


class UnknownLanguageError(InputError):
    """This is no tag of a language."""

    code = "language_unknown"


class LanguageNotAvailableError(InputError):
    """The engines here cannot dub into the language, or from what is spoken."""

    code = "language_not_available"


class SpokenLanguageError(InputError):
    """What is spoken, unknown at first, is the language asked for, or cannot be dubbed into it."""

    code = "spoken_language_unfit"


class WordingNotAvailableError(InputError):
    """The translator here heeds neither a glossary nor a formality."""

    code = "wording_not_available"


class SourceNotEnabledError(InputError):
    """Links are not taken here."""

    code = "source_not_enabled"


class InvalidChannelIdError(InputError):
    """This is no id of a channel."""

    code = "channel_id_invalid"


class VideoNotFoundError(InputError):
    """Nobody handed this video in."""

    code = "video_not_found"


class DubNotFoundError(InputError):
    """Nobody asked for this language."""

    code = "dub_not_found"


class LineNotFoundError(InputError):
    """The dub has no line of this number."""

    code = "line_not_found"


class LinesNotReadyError(InputError):
    """The dub's lines are not translated yet, or a line is not released as it was spoken."""

    code = "lines_not_ready"
    retryable = True


class ChannelNotFoundError(InputError):
    """No video of this channel was fetched, and nobody put it there."""

    code = "channel_not_found"


class KeyNotFoundError(InputError):
    """The tenant has no such key."""

    code = "key_not_found"


class KeyRequiredError(InputError):
    """`Authorization: Bearer dub_...` is missing."""

    code = "key_required"


class KeyInvalidError(InputError):
    """The key is wrong, revoked or past its time."""

    code = "key_invalid"


class ScopeMissingError(InputError):
    """The key may not do this."""

    code = "scope_missing"


class NotLocalError(InputError):
    """Without `DUB_AUTH`, only this machine is answered, under its own names."""

    code = "request_not_local"


class UnknownHostError(InputError):
    """With `DUB_AUTH=off`, only addresses, names without a dot and that of `DUB_PUBLIC_URL` are
    answered.
    """

    code = "host_unknown"


class CrossSiteError(InputError):
    """A page of another site sent this through somebody's browser."""

    code = "request_cross_site"


class LinksNotEnabledError(InputError):
    """`visibility` cannot be `signed` here: that wants `DUB_LINK_SECRET`, and releases in no public
    bucket.
    """

    code = "links_not_enabled"


class LinkExpiredError(InputError):
    """The signed link is past its time."""

    code = "link_expired"


class SlowBodyError(InputError):
    """The body came slower than it is waited for."""

    code = "body_too_slow"
    retryable = True


class RateLimitedError(InputError):
    """There were more requests than `DUB_RATE_LIMITS` allows; `Retry-After` says for how long."""

    code = "rate_limited"
    retryable = True


class VideoBeingRemovedError(InputError):
    """The video was removed, and what was made of it is not all gone yet."""

    code = "video_being_removed"
    retryable = True


class PreconditionFailedError(InputError):
    """What was read has changed since: `If-Match` has another ETag.

    `current` is what is there in place of what was read, in plain JSON types.
    """

    code = "precondition_failed"

    def __init__(
        self,
        sentence: str,
        *,
        detail: str | None = None,
        current: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(sentence, detail=detail)
        self.current = current


class PreconditionRequiredError(InputError):
    """What has an ETag is only changed by who has read it: send that as `If-Match`."""

    code = "precondition_required"


class IdempotencyKeyReusedError(InputError):
    """This `Idempotency-Key` came with another request before."""

    code = "idempotency_key_reused"


class RequestInProgressError(InputError):
    """The first request with this `Idempotency-Key` is being answered."""

    code = "request_in_progress"
    retryable = True


class WebhookUrlError(InputError):
    """This address cannot be a webhook: it is not public, or not under https."""

    code = "webhook_url_refused"


class WebhookNotFoundError(InputError):
    """There is no such webhook."""

    code = "webhook_not_found"


class DeliveryNotFoundError(InputError):
    """This webhook has no such message."""

    code = "delivery_not_found"


class SourceError(DubError):
    code = "source_failed"


class SourceUnavailableError(SourceError):
    """YouTube does not give the video out, or it is a live stream."""

    code = "source_unavailable"


class SourceLiveError(SourceError):
    """The video is a live stream, or has not begun."""

    code = "source_live"


class SourcePrivateError(SourceError):
    """The video is private or for members."""

    code = "source_private"


class SourceRemovedError(SourceError):
    """The video was removed."""

    code = "source_removed"


class SourceAgeRestrictedError(SourceError):
    """YouTube wants to see a grown-up's sign-in: `DUB_YOUTUBE_COOKIES`."""

    code = "source_age_restricted"


class SourceRegionBlockedError(SourceError):
    """YouTube does not show the video where this machine is."""

    code = "source_region_blocked"


class SourceDrmError(SourceError):
    """The video is protected against copying."""

    code = "source_drm"


class SourceBotCheckError(SourceError):
    """YouTube takes this machine for a bot: `DUB_YOUTUBE_COOKIES`, `DUB_YOUTUBE_PO_TOKEN_URL`."""

    code = "source_bot_check"


class SourceUnreachableError(SourceError):
    """YouTube could not be reached."""

    code = "source_unreachable"
    retryable = True


class MediaError(DubError):
    code = "media_failed"


class NotAVideoError(MediaError):
    """The file is no video that can be read."""

    code = "media_not_a_video"


class TruncatedMediaError(MediaError):
    """The end of the file is missing."""

    code = "media_truncated"


class NoAudioError(MediaError):
    """There is no sound in the file."""

    code = "media_no_audio"


class NoSpeechError(MediaError):
    """Nobody speaks in the video."""

    code = "media_no_speech"


class LanguageNotToldError(MediaError):
    """Nobody named the language, and it cannot be told: name it as `source_language`."""

    code = "media_language_not_told"


class MisheardError(MediaError):
    """The video was probably heard in the wrong language, and is held: name the language, hand in
    captions, correct the lines, or send `believe`.
    """

    code = "media_misheard"


class VideoTooLongError(MediaError):
    """The video is longer than `MAX_VIDEO_LENGTH`."""

    code = "video_too_long"


class MediaOverLimitError(MediaError):
    """The pictures are larger than 8K, or more than 240 a second."""

    code = "media_over_limit"


class MediaToolError(MediaError):
    """The program ffmpeg could not work with the file."""

    code = "media_tool_failed"


class ProviderError(DubError):
    code = "provider_failed"


class EngineUnavailableError(ProviderError):
    """An engine or its data is not installed."""

    code = "engine_unavailable"


class EngineFailedError(ProviderError):
    """An engine did not answer, or ended."""

    code = "engine_failed"
    retryable = True


class BadTakeError(ProviderError):
    """A voice answered with silence, or with half a line."""

    code = "take_invalid"
    retryable = True


class ProviderRefusedError(ProviderError):
    """A provider refused the request: its key, plan or settings."""

    code = "provider_refused"


class ProviderBusyError(ProviderError):
    """A provider takes no more requests for now."""

    code = "provider_busy"
    retryable = True


class ProviderUnavailableError(ProviderError):
    """A provider did not answer in time, or not at all."""

    code = "provider_unavailable"
    retryable = True


class ProviderAnswerError(ProviderError):
    """A provider's answer cannot be used."""

    code = "provider_answer_invalid"
    retryable = True


class CostCapError(ProviderError):
    """The next paid call would go over a cap."""

    code = "cost_cap_reached"


class StorageError(DubError):
    """The store or the registry cannot be used."""

    code = "storage_failed"


class ArtifactMissingError(StorageError):
    """An artifact was deleted, or not made yet."""

    code = "artifact_missing"


class ArtifactDamagedError(StorageError):
    """What came back from the store is not what was put there."""

    code = "artifact_damaged"
    retryable = True


class StorageFullError(StorageError):
    """The disk is full."""

    code = "storage_full"
    retryable = True


class StorageRefusedError(StorageError):
    """The store refuses these keys or this bucket."""

    code = "storage_refused"


class StorageUnavailableError(StorageError):
    """The store does not answer."""

    code = "storage_unavailable"
    retryable = True


class BackupError(StorageError):
    """A backup cannot be saved or restored; the sentence says why."""

    code = "backup_failed"


class InternalError(DubError):
    """The mistake is ours; the log has it under the `request_id`."""

    code = "internal_error"


class GateFailedError(InternalError):
    """A gate did not pass, so nothing was published."""

    code = "gate_failed"


class DaemonSilentError(InternalError):
    """Dagster's daemon says nothing, so nothing new starts; in the log only."""

    code = "daemon_silent"
    retryable = True


class MachineBusyError(InternalError):
    """The work's process could not begin; it waits and is tried again by itself."""

    code = "machine_busy"
    retryable = True


class RunLostError(InternalError):
    """The run's process or machine was lost, five times."""

    code = "run_lost"
    retryable = True


class RunStoppedError(InternalError):
    """Somebody stopped the run."""

    code = "run_stopped"
    retryable = True


class RunSupersededError(InternalError):
    """Another run works on the same, so this one gave way."""

    code = "run_superseded"
