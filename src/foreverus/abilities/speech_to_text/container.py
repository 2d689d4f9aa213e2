"""Our own container behind the port: a job for each recording, which is in the data bucket until it is written down."""

import asyncio
import json
import logging
from dataclasses import dataclass

from foreverus.abilities.containers.records import Job, JobKind
from foreverus.abilities.containers.work import ContainerWork, while_on
from foreverus.abilities.speech_to_text.port import Recording, Transcript
from foreverus.aws.s3 import Objects

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ContainerListener:
    """`SpeechToText`. `objects`: the data bucket."""

    work: ContainerWork
    objects: Objects

    async def transcribe(self, name: str, recording: Recording) -> Transcript:
        asked = {"kind": recording.kind.value, "language": recording.language}
        job = self.work.job(name, JobKind.SPEECH_TO_TEXT, asked)
        try:
            kept = f"audio/{recording.kind.value}"
            with while_on(job.kind):
                await self.work.run_blocking(self.objects.put, job.sound_key, recording.data, kept)
                return read_answer(await self.work.done(job))
        finally:
            await asyncio.shield(self.work.run_blocking(self._forget, job))

    def _forget(self, job: Job) -> None:
        """What fails here goes with the bucket's rule, in a day."""
        try:
            self.objects.delete(job.sound_key)
        except Exception:
            log.exception("a recording could not be deleted")


def read_request(job: Job) -> tuple[str, str]:
    """(the kind of recording, its language or nothing)."""
    asked = json.loads(job.request)
    return str(asked["kind"]), str(asked["language"])


def answer(transcript: Transcript) -> str:
    """As a task answers the job."""
    return json.dumps({"text": transcript.text, "language": transcript.language, "until": transcript.until})


def read_answer(text: str) -> Transcript:
    """
    >>> read_answer(answer(Transcript("Oi.", "pt-BR", 0.5)))
    Transcript(text='Oi.', language='pt-BR', until=0.5)
    """
    said = json.loads(text)
    return Transcript(str(said["text"]), str(said["language"]), float(said["until"]))
