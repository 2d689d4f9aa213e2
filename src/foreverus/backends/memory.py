"""An engine in memory: answers what it is told to, at the pace it is told to, and fails when told to."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable

from foreverus.backends.port import Completion, Delta, Finished, Health, Prompt


class MemoryEngine:
    """Twin of `OpenAiEngine`. `reply` makes the words of an answer; a continued answer gets the words still missing."""

    def __init__(self, reply: Callable[[Prompt], list[str]] | None = None, seconds_per_token: float = 0.0):
        self.reply = reply or (lambda prompt: ["You ", "said: ", prompt.messages[-1].content])
        self.seconds_per_token = seconds_per_token
        self.state = Health.GOOD
        self.prompts: list[Prompt] = []
        self.running = 0
        self.most_running = 0
        self._failures: deque[tuple[BaseException, int]] = deque()

    def fail_next(self, error: BaseException, after_tokens: int = 0) -> None:
        """The next stream raises `error` after it has yielded so many deltas."""
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
            cut = prompt.max_tokens is not None and len(words) >= prompt.max_tokens
            prompt_tokens = sum(len(m.content.split()) for m in prompt.messages)
            yield Finished("length" if cut else "stop", prompt_tokens, len(words))
        finally:
            self.running -= 1

    async def complete(self, prompt: Prompt) -> Completion:
        text = ""
        async for event in self.stream(prompt):
            if isinstance(event, Finished):
                return Completion(text, event.finish_reason, event.prompt_tokens, event.completion_tokens)
            text += event.text
        raise AssertionError("a stream ends with Finished or raises")

    def _words(self, prompt: Prompt) -> list[str]:
        if not prompt.continues:
            return self.reply(prompt)[: prompt.max_tokens]
        begun = prompt.messages[-1].content
        asked = Prompt(prompt.messages[:-1], prompt.max_tokens, prompt.temperature)
        rest = "".join(self.reply(asked)).removeprefix(begun)
        return [rest] if rest else []
