"""An engine in memory: answers what it is told to, at the pace it is told to, and fails when told to."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from foreverus.backends.port import Completion, Delta, Finished, Health, Prompt


class MemoryEngine:
    """Twin of `OpenAiEngine`. `reply` makes the words of an answer; a continued answer gets the words still missing."""

    def __init__(self, reply: Callable[[Prompt], list[str]] | None = None, seconds_per_token: float = 0.0):
        self.reply = reply or (lambda prompt: ["You ", "said: ", _asked(prompt)])
        self.seconds_per_token = seconds_per_token
        self.state = Health.GOOD
        self.prompts: list[Prompt] = []
        self.running = 0
        self.most_running = 0
        self._failures: deque[tuple[BaseException, int]] = deque()

    def fail_next(self, error: BaseException, after_tokens: int = 0) -> None:
        """The next answer, streamed or whole, raises `error` after so many deltas."""
        self._failures.append((error, after_tokens))

    async def health(self) -> Health:
        return self.state

    async def identify(self) -> None:
        return None

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        self.prompts.append(prompt)
        error, after = self._failures.popleft() if self._failures else (None, -1)
        words = self._words(prompt)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            for count, word in enumerate(words):
                if count == after and error:
                    raise error
                await asyncio.sleep(self.seconds_per_token)
                yield Delta(word)
            if error:
                raise error
            cut = prompt.limit is not None and len(words) >= prompt.limit
            prompt_tokens = sum(
                len(text.split()) for text in (prompt.text or "", *(m.content for m in prompt.messages))
            )
            yield Finished("length" if cut else "stop", prompt_tokens, len(words))
        finally:
            self.running -= 1

    async def complete(self, prompt: Prompt) -> Completion:
        events = [event async for event in self.stream(prompt)]
        finished = events.pop()
        assert isinstance(finished, Finished)
        text = "".join(event.text for event in events if isinstance(event, Delta))
        return Completion(text, finished.finish_reason, finished.prompt_tokens, finished.completion_tokens)

    def _words(self, prompt: Prompt) -> list[str]:
        if not prompt.continues:
            return self.reply(prompt)[: prompt.limit]
        begun = prompt.messages[-1].content
        asked = replace(prompt, messages=prompt.messages[:-1])
        rest = "".join(self.reply(asked)).removeprefix(begun)
        return [rest] if rest else []


def _asked(prompt: Prompt) -> str:
    return prompt.text if prompt.text is not None else prompt.messages[-1].content
