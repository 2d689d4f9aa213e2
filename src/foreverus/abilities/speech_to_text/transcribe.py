"""Amazon Transcribe behind the port: one transcription job for each recording (docs/decisions/0055 says why not a
stream). boto3 blocks, so its calls run in threads.

The recording and the transcript lie in the data bucket under `audio/` while the job runs, and are deleted with it,
however it ends; what a crash leaves there goes after a day.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from foreverus.abilities.aws_errors import translated
from foreverus.abilities.speech_to_text.port import Recording, Transcript
from foreverus.aws.s3 import Objects
from foreverus.errors import BackendUnavailable, EngineBusy, EngineError, EngineFailed, PromptRejected

PREFIX = "audio/"
LANGUAGES = ("pt-BR", "en-US")
FIRST_LOOK_S, LOOKS_S, LONGER = 1.0, 3.0, 1.3  # seconds between two looks: at first, at most, and how they grow
LONGEST_JOB_S = 270.0  # API Gateway ends a stream that says nothing after 300
_BUSY = ("LimitExceededException", "ThrottlingException", "ServiceUnavailableException")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TranscribeListener:
    """`SpeechToText` over a transcribe client. `objects`: the data bucket, whose name is `bucket`."""

    client: Any
    objects: Objects
    bucket: str
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    longest_s: float = LONGEST_JOB_S

    async def transcribe(self, name: str, recording: Recording) -> Transcript:
        spoken, written = f"{PREFIX}{name}.{recording.kind.value}", f"{PREFIX}{name}.json"
        try:
            await asyncio.to_thread(self._start, name, recording, spoken, written)
            job = await self._finished(name)
            return await asyncio.to_thread(self._read, job, written)
        finally:
            await asyncio.shield(asyncio.to_thread(self._forget, name, spoken, written))

    def _start(self, name: str, recording: Recording, spoken: str, written: str) -> None:
        with translated("Transcribe", refusal):
            self.objects.put(spoken, recording.data, f"audio/{recording.kind.value}")
            self.client.start_transcription_job(**request(name, recording, self.bucket, spoken, written))

    async def _finished(self, name: str) -> Any:
        waited, pause = 0.0, FIRST_LOOK_S
        while waited < self.longest_s:
            await self.sleep(pause)
            waited, pause = waited + pause, min(LOOKS_S, pause * LONGER)
            job = await asyncio.to_thread(self._look, name)
            if job["TranscriptionJobStatus"] == "COMPLETED":
                return job
            if job["TranscriptionJobStatus"] == "FAILED":
                raise PromptRejected(f"Transcribe: {job.get('FailureReason', 'it failed')}"[:500])
        raise EngineFailed(f"Transcribe was not ready after {self.longest_s:.0f} s.")

    def _look(self, name: str) -> Any:
        try:
            with translated("Transcribe", refusal):
                return self.client.get_transcription_job(TranscriptionJobName=name)["TranscriptionJob"]
        except EngineBusy:  # 20 looks a second are an account's
            return {"TranscriptionJobStatus": "IN_PROGRESS"}

    def _read(self, job: Any, written: str) -> Transcript:
        with translated("Transcribe", refusal):
            document = json.loads(b"".join(self.objects.stream(written)))
        return transcript(document, str(job.get("LanguageCode", "")))

    def _forget(self, name: str, *keys: str) -> None:
        """The recording first. What fails here goes with the bucket's rule, in a day."""
        for key in keys:
            try:
                self.objects.delete(key)
            except Exception:
                log.exception("a recording or its transcript could not be deleted")
        try:
            self.client.delete_transcription_job(TranscriptionJobName=name)
        except ClientError as err:  # it was never started, or is still running: AWS deletes it after 90 days
            log.info("a transcription job was not deleted: %s", err)


def request(name: str, recording: Recording, bucket: str, spoken: str, written: str) -> dict[str, object]:
    """StartTranscriptionJob's."""
    language: dict[str, object] = {"LanguageCode": recording.language}
    if not recording.language:
        language = {"IdentifyLanguage": True, "LanguageOptions": list(LANGUAGES)}
    return {
        "TranscriptionJobName": name,
        "MediaFormat": recording.kind.value,
        "Media": {"MediaFileUri": f"s3://{bucket}/{spoken}"},
        "OutputBucketName": bucket,
        "OutputKey": written,
        **language,
    }


def transcript(document: Any, language: str) -> Transcript:
    """Of what Transcribe writes.

    >>> transcript({"results": {"transcripts": [{"transcript": "Oi."}], "items": [{"end_time": "0.5"}, {}]}}, "pt-BR")
    Transcript(text='Oi.', language='pt-BR', until=0.5)
    """
    results = document["results"]
    text = " ".join(one["transcript"] for one in results["transcripts"]).strip()
    ends = [float(one["end_time"]) for one in results.get("items", ()) if "end_time" in one]
    return Transcript(text, language, max(ends, default=0.0))


def refusal(code: str, message: str, status: int) -> EngineError | PromptRejected:
    """What an error of AWS's means for the caller.

    >>> type(refusal("LimitExceededException", "", 400)).__name__
    'EngineBusy'
    """
    said = f"Transcribe answered {code}: {message}"[:500]
    if code in _BUSY or status in (429, 503):
        return EngineBusy(said)
    return BackendUnavailable(said) if status in (400, 401, 403, 404, 409) else EngineFailed(said)
