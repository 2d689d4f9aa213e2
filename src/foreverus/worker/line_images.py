"""The images of a batch's lines that the GPU's model answers, where it sees.

Those that a line names are fetched when it has a slot, by addresses that are lent for it; those that it spells came
with the batch's file. None is left out: what cannot be fetched or is gone fails its line with an error.
"""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from foreverus.abilities.read_image.gpu import GONE, Fetch, fetch
from foreverus.abilities.read_image.stored import NOT_FETCHED, ImageLoader
from foreverus.backends.images import PromptImage
from foreverus.backends.port import Message, Prompt
from foreverus.batches.input.lines import Line
from foreverus.batches.records import LineResult
from foreverus.batches.shards.images import MOST_BYTES
from foreverus.batches.shards.resources import LineRef, NotInWork, ShardJob
from foreverus.choice.abilities import BLIND
from foreverus.concurrency import Room, RunBlocking
from foreverus.conversations.passages.asking import AskedFunction
from foreverus.errors import ImagesNotFetched, PromptRejected
from foreverus.worker.fetching import fetched

LENT_AT_ONCE = 3  # lines: each is a call of Lambda, of which a new account may have ten at once
NOBODY_SEES = "The GPU that was to answer this was started before its model was one that sees images. Ask it again."

LendOfLine = Callable[[LineRef], Mapping[str, str] | None]


@dataclass(frozen=True)
class LineLentByFunction:
    """`function`: show_images."""

    function: AskedFunction

    def __call__(self, ref: LineRef) -> Mapping[str, str] | None:
        """An address for each image that the line names and that is there; None: nobody here is to answer it. Blocks.
        Raises whatever kept the function from it."""
        asked: dict[str, object] = {"user_id": ref.batch.user_id, "batch_id": ref.batch.batch_id}
        told = json.loads(self.function.ask({**asked, "round": ref.round, "shard": ref.shard, "line": ref.line}))
        found = told["addresses"]
        return None if found is None else {str(name): str(url) for name, url in found.items()}


@dataclass(frozen=True, kw_only=True)
class LineEyes:
    """`lend`: addresses of what a line names. `room`: bytes of images that may be in prompts at once."""

    model_id: str
    lend: LendOfLine
    fetch: Fetch = fetch
    room: Room = field(default_factory=lambda: Room(MOST_BYTES))
    lending: Room = field(default_factory=lambda: Room(LENT_AT_ONCE))

    @asynccontextmanager
    async def shown(self, run: RunBlocking, job: ShardJob, line: Line) -> AsyncGenerator[Prompt, None]:
        """Raises PromptRejected (one is gone, or is no image), ImagesNotFetched and NotInWork."""
        prompt = line.prompt
        if not prompt.images:
            yield prompt
            return
        if any(image.object_key for image in prompt.images):
            ref = LineRef(job.ref, job.round, job.number, line.number)
            async with self.lending.take(1):
                found = await run(self._load, ref, prompt)
            prompt = replace(prompt, messages=tuple(_with(one, found) for one in prompt.messages))
        async with self.room.take(sum(len(image.data) for image in prompt.images)):
            yield prompt

    def said_of(self, result: LineResult) -> LineResult:
        return replace(result, images_seen_by=self.model_id)

    def _load(self, ref: LineRef, prompt: Prompt) -> dict[str, PromptImage]:
        """By their places."""
        try:
            urls = self.lend(ref)
            held = None if urls is None else fetched(ref.batch.user_id, urls, self.fetch)
        except Exception as err:
            raise ImagesNotFetched(NOT_FETCHED) from err
        if held is None:
            raise NotInWork(f"Line {ref.line} of {ref.batch.batch_id} is nobody's to answer here any more.")
        return ImageLoader(held)(prompt.images)


@asynccontextmanager
async def unseen(job: ShardJob, line: Line) -> AsyncGenerator[Prompt, None]:
    """On a machine whose model sees none: no line is answered as if it had been seen."""
    if line.prompt.images:
        raise PromptRejected(NOBODY_SEES, BLIND)
    yield line.prompt


def _with(message: Message, found: Mapping[str, PromptImage]) -> Message:
    return replace(message, images=tuple(_there(one, found) if one.object_key else one for one in message.images))


def _there(image: PromptImage, found: Mapping[str, PromptImage]) -> PromptImage:
    if image.object_key not in found:
        raise PromptRejected(GONE, "image_not_found")
    return found[image.object_key]
