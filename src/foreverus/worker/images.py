"""The images of a conversation whose answer the GPU's model makes, where it sees: the question's own, and as many of
those before it as leave half of the context.

None is left out in silence. One that cannot be fetched fails the answer with an error; one that was deleted, or has no
room, is said in its place (conversations/shown.py).
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from foreverus.abilities.read_image.gpu import Fetch, fetch
from foreverus.backends.openai_errors import TOO_LONG
from foreverus.backends.port import Prompt
from foreverus.backends.sights import ModelSight
from foreverus.concurrency import RunBlocking
from foreverus.conversations.bedrock.seeing import AGAIN_S, MOST_BYTES, MOST_IMAGES, NOT_FETCHED, TRIES, shown_in
from foreverus.conversations.passages.asking import AskedFunction
from foreverus.conversations.prompt import MIN_ANSWER_TOKENS, Thread
from foreverus.conversations.records import MessageRef
from foreverus.conversations.shown import ShownImage
from foreverus.errors import PromptRejected
from foreverus.worker.fetching import Fetched, fetched
from foreverus.worker.line_images import LineEyes

NO_ROOM = "The images of this message are more than the GPU's model holds. Send fewer, or smaller ones."

log = logging.getLogger(__name__)
Lend = Callable[[MessageRef, Sequence[str]], Mapping[str, str]]


@dataclass(frozen=True)
class LentByFunction:
    """`function`: show_images."""

    function: AskedFunction

    def __call__(self, message: MessageRef, file_ids: Sequence[str]) -> Mapping[str, str]:
        """An address for each that is there. Blocks. Raises whatever kept the function from it."""
        asked = {"conversation_id": message.conversation_id, "message_id": message.message_id}
        told = json.loads(self.function.ask({**asked, "file_ids": list(file_ids)}))
        return {str(name): str(url) for name, url in told["addresses"].items()}


@dataclass(frozen=True, slots=True)
class Looked:
    """What is to be shown, with its bytes. `tokens`: what it takes of the context, at most."""

    wanted: tuple[ShownImage, ...]
    fetched: Fetched
    tokens: int

    def shown(self, prompt: Prompt, thread: Thread) -> Prompt:
        """`prompt`: of the thread, with whatever turns. Raises nothing."""
        return shown_in(prompt, thread, self.fetched, lambda _: self.wanted)


@dataclass(frozen=True, kw_only=True)
class GpuEyes:
    """`lend`: addresses of a waiting question's images. `of_lines`: those of batches; None: none are shown."""

    sight: ModelSight
    context_tokens: int
    lend: Lend
    fetch: Fetch = fetch
    of_lines: LineEyes | None = None

    async def look(self, message: MessageRef, thread: Thread, run: RunBlocking) -> Looked:
        """Raises PromptRejected: there is no room for what the question itself shows, or it could not be fetched."""
        wanted = tuple(self._fitting(thread))
        for attempt in range(TRIES):
            try:
                fetched = await run(self._load, message, wanted)
                return Looked(wanted, fetched, sum(map(self._tokens, wanted)))
            except Exception:
                log.warning("try %d to fetch the images of %s", attempt + 1, message.message_id, exc_info=True)
                await asyncio.sleep(AGAIN_S * 2**attempt)
        raise PromptRejected(NOT_FETCHED, "images_not_fetched")

    def _tokens(self, image: ShownImage) -> int:
        return self.sight.tokens(image.width, image.height)

    def _fitting(self, thread: Thread) -> Iterable[ShownImage]:
        """The question's own that were not read instead, and the newest of those before it."""
        own = [one for one in (thread.question.images if thread.question else ()) if one.text is None]
        tokens, size = sum(map(self._tokens, own)), sum(one.bytes for one in own)
        if tokens + MIN_ANSWER_TOKENS > self.context_tokens:
            raise PromptRejected(NO_ROOM, TOO_LONG)
        yield from own
        for one in list(dict.fromkeys(one for turn in reversed(thread.earlier) for one in turn.images))[
            : MOST_IMAGES - len(own)
        ]:
            tokens, size = tokens + self._tokens(one), size + one.bytes
            if tokens > self.context_tokens // 2 or size > MOST_BYTES:
                return
            yield one

    def _load(self, message: MessageRef, wanted: Sequence[ShownImage]) -> Fetched:
        if not wanted:
            return Fetched({})
        urls = self.lend(message, [one.file_id for one in wanted])
        return fetched(message.user_id, urls, self.fetch)
