"""Our own container behind `ReadText`: a job for each image, which is in the data bucket until it is read."""

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from foreverus.abilities.containers.records import Job, JobKind
from foreverus.abilities.containers.work import ContainerWork, while_on
from foreverus.abilities.read_image.port import MOST_CHARACTERS, Sight
from foreverus.aws.s3 import Objects
from foreverus.backends.images import ImageKind, PromptImage
from foreverus.errors import EngineFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ContainerReader:
    """`ReadText`. `objects`: the data bucket."""

    work: ContainerWork
    objects: Objects

    @property
    def sight(self) -> Sight:
        return Sight.READ

    async def read(self, image: PromptImage) -> str:
        job = self.work.job(f"see_{uuid4().hex}", JobKind.READ_IMAGE, {"kind": image.kind.value})
        try:
            kept = f"image/{image.kind.value}"
            with _as_failure(), while_on(job.kind):
                await self.work.run_blocking(self.objects.put, job.picture_key, image.data, kept)
                return read_answer(await self.work.done(job))
        finally:
            await asyncio.shield(self.work.run_blocking(self._forget, job))

    def _forget(self, job: Job) -> None:
        """What fails here goes with the bucket's rule, in a day."""
        try:
            self.objects.delete(job.picture_key)
        except Exception:
            log.exception("a picture could not be deleted")


@contextmanager
def _as_failure() -> Iterator[None]:
    """Whoever shows an image is told what to do, and a batch's other lines go on."""
    try:
        yield
    except (ClientError, BotoCoreError) as err:
        raise EngineFailed("The text in an image could not be read just now. Send it again.") from err


def read_request(job: Job) -> ImageKind:
    return ImageKind(json.loads(job.request)["kind"])


def answer(lines: Sequence[str]) -> str:
    """As a task answers the job.

    >>> read_answer(answer(["Bom dia!", "São Paulo"]))
    'Bom dia!\\nSão Paulo'
    """
    return json.dumps({"text": "\n".join(lines)[:MOST_CHARACTERS]})


def read_answer(text: str) -> str:
    return str(json.loads(text)["text"])
