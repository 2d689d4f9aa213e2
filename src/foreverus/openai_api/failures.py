"""What went wrong, as a client is told: a status before the answer begins, an event after that. Pure."""

from foreverus.errors import (
    BackendUnavailable,
    EngineBusy,
    EngineFailed,
    ImagesNotFetched,
    InvalidRequest,
    LimitReached,
    NotAccepted,
    PromptRejected,
    RequestRejected,
)

BUSY_AGAIN_S = 5  # Bedrock's quotas are of a minute; clients try twice by themselves


class BackendFailed(RequestRejected):
    """The answer broke off, or none came. Clients try again by themselves where nothing of it was seen."""

    status = 503
    type = "server_error"


def told(error: BaseException) -> RequestRejected | None:
    """None: a mistake of ours, of which nobody is told more than that it happened."""
    if isinstance(error, RequestRejected):
        return error
    if isinstance(error, PromptRejected):
        return InvalidRequest(str(error), param="messages" if _is_about_text(error) else None, code=error.reason)
    if isinstance(error, EngineBusy):
        message = f"The model has more to do than it may just now. Try again in {BUSY_AGAIN_S} seconds."
        return LimitReached(message, "backend_busy", BUSY_AGAIN_S)
    if isinstance(error, ImagesNotFetched):
        return BackendFailed(str(error), "messages", code="images_not_fetched")
    if isinstance(error, EngineFailed):
        return BackendFailed("The model's answer broke off. Try again.", code="backend_failed")
    if isinstance(error, BackendUnavailable):
        message = (
            "The model cannot be asked: this deployment may not use it, or it is not there. Tell whoever runs it; "
            "`foreverus doctor` says what is missing."
        )
        return NotAccepted(message, code="backend_unavailable")
    return None


def _is_about_text(error: PromptRejected) -> bool:
    return error.reason in ("context_length_exceeded", "content_filter")


def mistake() -> RequestRejected:
    failed = BackendFailed("Something failed on our side. Try again.")
    failed.status = 500
    return failed
