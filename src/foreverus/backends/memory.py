"""An engine in memory: answers what it is told to, at the pace it is told to, and fails when told to."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace

from foreverus.backends.port import Completion, Delta, Finished, Health, Prompt
from foreverus.backends.whole import whole_answer


class MemoryEngine:
    """Twin of `OpenAiEngine`. `reply` makes the words of an answer, or whole deltas (a tool call's, with logprobs); a
    continued answer gets the words still missing."""

    def __init__(self, reply: Callable[[Prompt], Sequence[str | Delta]] | None = None, seconds_per_token: float = 0.0):
        self.reply = reply or (lambda prompt: ["You ", "said: ", _asked(prompt)])
        self.seconds_per_token = seconds_per_token
        self.tokens_of: Callable[[Prompt], int | None] = lambda prompt: None  # it does not say
        self.counted: list[Prompt] = []
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

    async def count_tokens(self, prompt: Prompt) -> int | None:
        self.counted.append(prompt)
        return self.tokens_of(prompt)

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
                yield word
            if error:
                raise error
            calls = any(word.tool_calls for word in words)
            cut = not calls and prompt.limit is not None and len(words) >= prompt.limit
            prompt_tokens = sum(
                len(text.split()) for text in (prompt.text or "", *(m.content for m in prompt.messages))
            )
            reason = "length" if cut else "tool_calls" if calls else "stop"
            yield Finished(reason, prompt_tokens, len(words))
        finally:
            self.running -= 1

    async def complete(self, prompt: Prompt) -> Completion:
        events = [event async for event in self.stream(prompt)]
        finished = events.pop()
        assert isinstance(finished, Finished)
        return whole_answer([event for event in events if isinstance(event, Delta)], finished)

    def _words(self, prompt: Prompt) -> list[Delta]:
        if not prompt.continues:
            return [_delta(word) for word in self.reply(prompt)[: prompt.limit]]
        begun = prompt.messages[-1].content
        asked = replace(prompt, messages=prompt.messages[:-1])
        rest = "".join(_delta(word).text for word in self.reply(asked)).removeprefix(begun)
        return [Delta(rest)] if rest else []


def _delta(word: str | Delta) -> Delta:
    return Delta(word) if isinstance(word, str) else word


def _asked(prompt: Prompt) -> str:
    return prompt.text if prompt.text is not None else prompt.messages[-1].content
