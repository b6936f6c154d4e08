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
    code = "video_id_invalid"


class InvalidRequestError(InputError):
    code = "request_invalid"


class EmptyBodyError(InputError):
    code = "body_empty"


class UploadTooLargeError(InputError):
    code = "upload_too_large"


class UnknownLanguageError(InputError):
    code = "language_unknown"


class LanguageNotAvailableError(InputError):
    code = "language_not_available"


class SpokenLanguageError(InputError):
    code = "spoken_language_unfit"


class WordingNotAvailableError(InputError):
    code = "wording_not_available"


class SourceNotEnabledError(InputError):
    code = "source_not_enabled"


class InvalidChannelIdError(InputError):
    code = "channel_id_invalid"


class VideoNotFoundError(InputError):
    code = "video_not_found"


class DubNotFoundError(InputError):
    code = "dub_not_found"


class LineNotFoundError(InputError):
    code = "line_not_found"


class LinesNotReadyError(InputError):
    code = "lines_not_ready"
    retryable = True


class ChannelNotFoundError(InputError):
    code = "channel_not_found"


class KeyNotFoundError(InputError):
    code = "key_not_found"


class KeyRequiredError(InputError):
    code = "key_required"


class KeyInvalidError(InputError):
    code = "key_invalid"


class ScopeMissingError(InputError):
    code = "scope_missing"


class NotLocalError(InputError):
    code = "request_not_local"


class UnknownHostError(InputError):
    code = "host_unknown"


class CrossSiteError(InputError):
    code = "request_cross_site"


class LinksNotEnabledError(InputError):
    code = "links_not_enabled"


class LinkExpiredError(InputError):
    code = "link_expired"


class SlowBodyError(InputError):
    code = "body_too_slow"
    retryable = True


class RateLimitedError(InputError):
    code = "rate_limited"
    retryable = True


class VideoBeingRemovedError(InputError):
    code = "video_being_removed"
    retryable = True


class PreconditionFailedError(InputError):
    """`current` is what is there in place of what was read, in plain JSON types."""

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
    code = "precondition_required"


class IdempotencyKeyReusedError(InputError):
    code = "idempotency_key_reused"


class RequestInProgressError(InputError):
    code = "request_in_progress"
    retryable = True


class WebhookUrlError(InputError):
    code = "webhook_url_refused"


class WebhookNotFoundError(InputError):
    code = "webhook_not_found"


class DeliveryNotFoundError(InputError):
    code = "delivery_not_found"


class SourceError(DubError):
    code = "source_failed"


class SourceUnavailableError(SourceError):
    code = "source_unavailable"


class SourceLiveError(SourceError):
    code = "source_live"


class SourcePrivateError(SourceError):
    code = "source_private"


class SourceRemovedError(SourceError):
    code = "source_removed"


class SourceAgeRestrictedError(SourceError):
    code = "source_age_restricted"


class SourceRegionBlockedError(SourceError):
    code = "source_region_blocked"


class SourceDrmError(SourceError):
    code = "source_drm"


class SourceBotCheckError(SourceError):
    code = "source_bot_check"


class SourceUnreachableError(SourceError):
    code = "source_unreachable"
    retryable = True


class MediaError(DubError):
    code = "media_failed"


class NotAVideoError(MediaError):
    code = "media_not_a_video"


class TruncatedMediaError(MediaError):
    code = "media_truncated"


class NoAudioError(MediaError):
    code = "media_no_audio"


class NoSpeechError(MediaError):
    code = "media_no_speech"


class LanguageNotToldError(MediaError):
    code = "media_language_not_told"


class MisheardError(MediaError):
    code = "media_misheard"


class VideoTooLongError(MediaError):
    code = "video_too_long"


class MediaOverLimitError(MediaError):
    code = "media_over_limit"


class MediaToolError(MediaError):
    code = "media_tool_failed"


class ProviderError(DubError):
    code = "provider_failed"


class EngineUnavailableError(ProviderError):
    code = "engine_unavailable"


class EngineFailedError(ProviderError):
    code = "engine_failed"
    retryable = True


class BadTakeError(ProviderError):
    code = "take_invalid"
    retryable = True


class ProviderRefusedError(ProviderError):
    code = "provider_refused"


class ProviderBusyError(ProviderError):
    code = "provider_busy"
    retryable = True


class ProviderUnavailableError(ProviderError):
    code = "provider_unavailable"
    retryable = True


class ProviderAnswerError(ProviderError):
    code = "provider_answer_invalid"
    retryable = True


class CostCapError(ProviderError):
    code = "cost_cap_reached"


class StorageError(DubError):
    code = "storage_failed"


class ArtifactMissingError(StorageError):
    code = "artifact_missing"


class ArtifactDamagedError(StorageError):
    code = "artifact_damaged"
    retryable = True


class StorageFullError(StorageError):
    code = "storage_full"
    retryable = True


class StorageRefusedError(StorageError):
    code = "storage_refused"


class StorageUnavailableError(StorageError):
    code = "storage_unavailable"
    retryable = True


class BackupError(StorageError):
    code = "backup_failed"


class InternalError(DubError):
    code = "internal_error"


class GateFailedError(InternalError):
    code = "gate_failed"


class DaemonSilentError(InternalError):
    code = "daemon_silent"
    retryable = True


class MachineBusyError(InternalError):
    code = "machine_busy"
    retryable = True


class RunLostError(InternalError):
    code = "run_lost"
    retryable = True


class RunStoppedError(InternalError):
    code = "run_stopped"
    retryable = True


class RunSupersededError(InternalError):
    code = "run_superseded"
