"""The least number of tokens that a text can have, by its length alone, and the most. Pure.

The engine alone counts tokens exactly, and it is not there before money is spent. A lower bound is enough to refuse
what cannot fit. Mistral 7B's tokenizer (SentencePiece BPE, 32,000 to 32,768 pieces) has no piece that goes on behind a
white space: a space stands only at a piece's beginning, tabs and line breaks in pieces of their own or at an end. So
each word costs a token at least. Its longest piece has 24 bytes without the space (12 Cyrillic letters), so a long word
costs one for each 24 bytes. Both were measured over every piece of the tokenizers v1, v2, v3 and v7 that the package
mistral-common 1.13 carries. For prose the bound is half to three quarters of the real number; what lies between, the
engine refuses.
"""

import json

from foreverus.backends.port import Prompt

LONGEST_PIECE_BYTES = 24
MOST_TOKENS_PER_MESSAGE = 8  # role marks and separators of a chat template
BEDROCK_CONTEXT_TOKENS = 32_768  # of Mistral 7B Instruct there, prompt and answer; our GPU's is `ContextTokens`
MOST_SEEN_TOKENS = 5000  # of one answer of Amazon Nova Lite, which sees images there
MOST_BEDROCK_TOKENS = 8192  # of one answer of Mistral 7B Instruct; Bedrock's own default would cut answers at 512


def least_tokens(text: str) -> int:
    """No text of these words has fewer.

    >>> least_tokens("Por que o ceu e azul?"), least_tokens("a" * 49), least_tokens(" ")
    (6, 3, 0)
    """
    words = text.encode("utf-8", "replace").split()  # at ASCII's white space only
    return sum((len(word) - 1) // LONGEST_PIECE_BYTES + 1 for word in words)


def cannot_fit(texts: list[str], context_tokens: int) -> int:
    """The least number of tokens of these texts where there is no context left for one token of an answer; else 0."""
    if sum(map(len, texts)) < context_tokens:  # nearly every prompt: the bound is never above the characters
        return 0
    least = sum(map(least_tokens, texts))
    return least if least >= context_tokens else 0


def texts_of(prompt: Prompt) -> list[str]:
    """What the model reads: of a chat with the calls that were made and the tools that there are, which templates write
    as JSON (with more spaces than here, so a lower bound stays one). The schema of a `response_format` is none of it:
    an engine makes a grammar of that."""
    if prompt.text is not None:
        return [prompt.text]
    tools = prompt.options.get("tools")
    calls = [text for one in prompt.messages for call in one.tool_calls for text in (call.name, call.arguments)]
    shown = [json.dumps(tools, ensure_ascii=False, separators=(",", ":"))] if tools else []
    return [message.content for message in prompt.messages] + calls + shown


def most_prompt_tokens(prompt: Prompt) -> int:
    """A bound for those who guard money: no tokenizer spends more than a token a byte.

    >>> most_prompt_tokens(Prompt((), text="Bom dia!"))
    16
    """
    words = sum(len(text.encode("utf-8", "replace")) + MOST_TOKENS_PER_MESSAGE for text in texts_of(prompt))
    return words + image_tokens_of(prompt)


def image_tokens_of(prompt: Prompt) -> int:
    """What its images are at most."""
    return sum(image.tokens for image in prompt.images)
