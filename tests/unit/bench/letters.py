"""A `Writer` in memory: a token is a letter, and each is written when the event loop comes round."""

import asyncio
from collections.abc import AsyncGenerator, Sequence


class Letters:
    def __init__(self, context: int = 64, answer: str = "abcdefghij" * 6, seconds_per_token: float = 0.0):
        self.context = context
        self.answer = answer
        self.seconds_per_token = seconds_per_token
        self.prompts: list[str] = []
        self.running = 0
        self.most_running = 0
        self.ended_early = 0

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, tokens: Sequence[int]) -> str:
        return bytes(tokens).decode(errors="replace")

    async def write(self, tokens: list[int], most: int, streamed: bool) -> AsyncGenerator[list[int], None]:
        self.prompts.append(self.decode(tokens))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        answer = list(self.answer.encode())[:most]
        written = 0
        try:
            while written < len(answer):
                await asyncio.sleep(self.seconds_per_token)
                written += 1
                if streamed or written == len(answer):
                    yield answer[:written]
        finally:
            self.running -= 1
            self.ended_early += written < len(answer)
