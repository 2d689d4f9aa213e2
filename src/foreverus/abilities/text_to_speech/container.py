"""Our own container behind the port: a job for each utterance. Its sound is in the data bucket until it is fetched."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from uuid import uuid4

from foreverus.abilities.containers.records import Job, JobKind
from foreverus.abilities.containers.work import ContainerWork, while_on
from foreverus.abilities.text_to_speech.port import Spoken, Utterance, billed_at_most
from foreverus.aws.s3 import Objects

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ContainerSpeech:
    """`TextToSpeech`. `objects`: the data bucket."""

    work: ContainerWork
    objects: Objects

    async def speak(self, utterance: Utterance) -> Spoken:
        job = self.work.job(f"say_{uuid4().hex}", JobKind.TEXT_TO_SPEECH, request(utterance))
        try:
            with while_on(job.kind):
                await self.work.done(job)
                sound = await self.work.run_blocking(lambda: b"".join(self.objects.stream(job.sound_key)))
        finally:
            await asyncio.shield(self.work.run_blocking(self._forget, job))
        return Spoken(billed_at_most(utterance.text), _pieces(sound))

    def _forget(self, job: Job) -> None:
        """What fails here goes with the bucket's rule, in a day; so does what is made after nobody waits for it."""
        try:
            self.objects.delete(job.sound_key)
        except Exception:
            log.exception("a sound could not be deleted")


async def _pieces(sound: bytes) -> AsyncGenerator[bytes, None]:
    yield sound


def request(utterance: Utterance) -> dict[str, object]:
    """The job's."""
    sound, voice = utterance.sound.value, utterance.voice
    return {"text": utterance.text, "voice": voice, "sound": sound, "speed": utterance.speed}


def read_request(job: Job) -> tuple[str, str, str, float]:
    """(text, voice, sound, speed): what `request` made.

    >>> from datetime import UTC, datetime
    >>> made = json.dumps({"text": "Oi.", "voice": "pt-BR-low", "sound": "pcm", "speed": 1.0})
    >>> read_request(Job(job_id="say_1", kind=JobKind.TEXT_TO_SPEECH, request=made, deadline=datetime.now(UTC)))
    ('Oi.', 'pt-BR-low', 'pcm', 1.0)
    """
    asked = json.loads(job.request)
    return str(asked["text"]), str(asked["voice"]), str(asked["sound"]), float(asked["speed"])
