"""As much of a conversation as the engine's own tokenizer finds room for.

Most conversations surely fit, and nothing is asked for them. Where it is near, the engine counts the prompt as its own
template writes it: the newest turns that fit are sent, neither more nor fewer. An engine that does not count leaves it
with what is known of earlier answers, and our estimate.
"""

from dataclasses import replace

from foreverus.backends.port import Engine, Prompt
from foreverus.backends.tokens import most_prompt_tokens
from foreverus.conversations.history import turns_tokens
from foreverus.conversations.prompt import DEFAULT_ANSWER_TOKENS, Thread


async def fitted(engine: Engine, prompt: Prompt, thread: Thread, context_tokens: int) -> Prompt:
    """`prompt`: made of the thread, with as many turns as fit by what we know. Asks the engine a few times at most:
    each count halves what is left to know."""
    room = context_tokens - min(prompt.max_tokens or DEFAULT_ANSWER_TOKENS, DEFAULT_ANSWER_TOKENS, context_tokens // 2)
    if _surely_fits(prompt, thread, room):
        return prompt
    tail = 2 if prompt.continues else 1
    fits, too_many = 0, len(thread.earlier) + 1
    turns = (len(prompt.messages) - 1 - tail) // 2
    while fits + 1 < too_many:
        tokens = await engine.count_tokens(_with_turns(prompt, thread, max(turns, fits + 1)))
        if tokens is None:
            return prompt
        if tokens <= room:
            fits = max(turns, fits + 1)
        else:
            too_many = max(turns, fits + 1)
        turns = (fits + too_many) // 2
    return _with_turns(prompt, thread, fits)


def _surely_fits(prompt: Prompt, thread: Thread, room: int) -> bool:
    """All of it: by what was counted of its turns, or by a token a byte, which no tokenizer exceeds."""
    bare = _with_turns(prompt, thread, 0)
    if all(one.held for one in thread.earlier):
        return turns_tokens(thread.earlier)[-1] + most_prompt_tokens(bare) <= room
    return most_prompt_tokens(_with_turns(prompt, thread, len(thread.earlier))) <= room


def _with_turns(prompt: Prompt, thread: Thread, turns: int) -> Prompt:
    tail = 2 if prompt.continues else 1
    newest = thread.earlier[len(thread.earlier) - turns :]
    said = tuple(message for one in newest for message in one.messages)
    return replace(prompt, messages=(prompt.messages[0], *said, *prompt.messages[-tail:]))
