"""From the form of POST /v1/audio/transcriptions to a recording, or a clear error. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import ceil

from foreverus import ids
from foreverus.abilities.speech_to_text.media import kind_of, seconds_of
from foreverus.abilities.speech_to_text.port import Recording
from foreverus.api import schemas
from foreverus.errors import InvalidRequest, NotFound
from foreverus.files.forms import read_form
from foreverus.text import quoted, shortened

# OpenAI's names too, for clients that can name no other.
MODELS = ("transcribe", "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
LANGUAGES = {"pt": "pt-BR", "en": "en-US", "pt-BR": "pt-BR", "en-US": "en-US"}
CONTAINER_MODELS = ("container", *MODELS[1:])  # of a deployment with a container of its own
MOST_BYTES = 4_000_000  # what Lambda's 6 MB hold in base64, with the form around it
MOST_SECONDS = 600
MOST_SHOWN = 60


class TranscriptFormat(StrEnum):
    JSON = "json"
    TEXT = "text"
    VERBOSE_JSON = "verbose_json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionRequest:
    """`request_id`: `req_…`, unique."""

    request_id: str
    recording: Recording
    form: TranscriptFormat


def read_transcription(
    content_type: str, body: bytes, now: datetime, models: Sequence[str] = MODELS
) -> TranscriptionRequest:
    """`models`: those that there are. Raises InvalidRequest or NotFound."""
    if not content_type.lower().startswith("multipart/form-data"):
        message = "The body must be a form (multipart/form-data) with the field 'file', as OpenAI's clients send it."
        raise InvalidRequest(message, code="invalid_form")
    form = read_form(content_type, body)
    for name in form.files:
        if name != "file":
            raise InvalidRequest(f"The field {quoted(name)} is not known here.", quoted(name)[1:-1], "unknown_field")
    fields = schemas.check("transcription", dict(form.fields))
    if fields["model"] not in models:
        said = quoted(shortened(fields["model"], MOST_SHOWN))
        message = f"The model {said} does not exist, or does not listen. There are: {', '.join(models)}."
        raise NotFound(message, "model", "model_not_found")
    if "file" not in form.files:
        raise InvalidRequest("The field 'file' is missing: it holds the recording.", "file", "missing_field")
    return TranscriptionRequest(
        request_id=ids.new_id("req", now),
        recording=_recording(form.files["file"].data, LANGUAGES.get(fields.get("language", ""), "")),
        form=TranscriptFormat(fields.get("response_format", TranscriptFormat.JSON)),
    )


def _recording(data: bytes, language: str) -> Recording:
    if len(data) > MOST_BYTES:
        message = f"The field 'file' has {len(data):,} bytes; a recording may have {MOST_BYTES:,}. Send it in parts."
        raise InvalidRequest(message, "file", "invalid_field")
    kind, seconds = kind_of(data), seconds_of(data)
    if seconds > MOST_SECONDS:
        long = f"{seconds / 60:.0f} minutes"
        most = f"a recording may have {MOST_SECONDS // 60} ({MOST_SECONDS} s)"
        message = f"The field 'file' is {long} long ({ceil(seconds):,} s); {most}. Send it in parts."
        raise InvalidRequest(message, "file", "invalid_field")
    return Recording(data=data, kind=kind, seconds=seconds, language=language)
