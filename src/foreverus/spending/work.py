"""How much there would be to do: tokens as ranges, and where each number is from. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from foreverus.backends.tokens import MOST_TOKENS_PER_MESSAGE
from foreverus.choice.assumed import EXPECTED_SHARE, EXPECTED_TOKENS
from foreverus.conversations.prompt import DEFAULT_ANSWER_TOKENS, DEFAULT_SYSTEM
from foreverus.costs.assumptions import Assumption, Measure, Range

BYTES_PER_TOKEN = Range(3.0, 3.5, 4.5)  # English and Portuguese prose, with Mistral's tokenizer
PROSE = "reckoned from its bytes: 3 to 4.5 of prose are a token of Mistral's, 3.5 is expected"
GIVEN = "as you say"
AROUND = 2.0  # a length that somebody expects may be half of that, or twice
ORDINARY = Range(EXPECTED_TOKENS / 4, EXPECTED_TOKENS, EXPECTED_TOKENS * 4)
CHATS = "assumed: the mean answer of public chat traces has 200 to 350 tokens"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Of all of it, and what each number was made from."""

    prompt: Range
    completion: Range
    assumptions: Sequence[Assumption]


def tokens_of_text(text: str) -> Range:
    """
    >>> tokens_of_text("a" * 63)
    Range(low=22.0, expected=26.0, high=29.0)
    """
    size, marks = Range.of(len(text.encode())), Range.of(MOST_TOKENS_PER_MESSAGE)
    found = size.per(BYTES_PER_TOKEN) + marks
    return Range(round(found.low), round(found.expected), round(found.high)).times(1.0)


def answer_tokens(given: int | None) -> Assumption:
    """Of one answer."""
    name, measure = "answer_tokens", Measure.TOKENS
    if given is None:
        return Assumption(name, ORDINARY, measure, CHATS)
    around = Range(max(1.0, given / AROUND), given, given * AROUND)
    return Assumption(name, around, measure, f"{GIVEN}; half of it to twice as much")


def question_tokens(prompt: str | None, given: int | None) -> Assumption:
    """Of one question."""
    if prompt is not None:
        return Assumption("prompt_tokens", tokens_of_text(prompt), Measure.TOKENS, PROSE)
    return Assumption("prompt_tokens", Range.of(given or 0), Measure.TOKENS, GIVEN)


def system_tokens() -> Assumption:
    source = f"the system message of a conversation that names none, with each question; {PROSE}"
    return Assumption("system_tokens", tokens_of_text(DEFAULT_SYSTEM), Measure.TOKENS, source)


def tokens_of_chat(
    question: Assumption, answer: Assumption, messages: int, context_tokens: int, images: Assumption | None = None
) -> Tokens:
    """Each question is sent with the system message and all that was said before, as far as the context holds it beside
    the room that is kept for an answer. `images`: of one question; those of earlier ones are sent again."""
    system = system_tokens()
    asked = question.value + images.value if images else question.value

    def of(name: str) -> float:
        sizes = (getattr(one, name) for one in (system.value, asked, answer.value))
        return _with_history(*sizes, messages=messages, most=context_tokens - DEFAULT_ANSWER_TOKENS)

    prompts = Range(of("low"), of("expected"), of("high"))
    named = (system, question, *([images] if images else []), answer)
    return Tokens(prompts, answer.value.times(messages), named)


def _with_history(system: float, question: float, answer: float, *, messages: int, most: float) -> float:
    """Of the prompts of so many questions, each of `most` at most, but for a longer question.

    >>> _with_history(5, 10, 100, messages=3, most=7000)
    375
    >>> _with_history(5, 10, 100, messages=3, most=100)
    215
    """
    least = system + question
    return sum(min(max(least, most), number * (question + answer) + least) for number in range(messages))


def tokens_of_lines(lines: int, prompt: int, given_answer: int | None) -> Tokens:
    question, answer = question_tokens(None, prompt), answer_tokens(given_answer)
    return Tokens(question.value.times(lines), answer.value.times(lines), (question, answer))


def tokens_of_file(lines: int, prompt_estimate: float, limit: float, given_answer: int | None, where: str) -> Tokens:
    """`prompt_estimate`: at 3.5 bytes a token; `limit`: of all answers. `where`: what of the file was read."""
    prompt = (Range.of(prompt_estimate * BYTES_PER_TOKEN.expected)).per(BYTES_PER_TOKEN)
    of_prompts = Assumption("prompt_tokens", prompt, Measure.TOKENS, f"{PROSE}; {where}")
    if given_answer is not None:
        each = answer_tokens(given_answer)
        whole = each.value.times(lines)
        capped = Range(*(min(limit, one) for one in (whole.low, whole.expected, whole.high)))
        return Tokens(prompt, capped, (of_prompts, each))
    expected = max(float(lines), min(EXPECTED_SHARE * limit, EXPECTED_TOKENS * lines))
    completion = Range(max(float(lines), expected / 4), expected, max(limit, expected))
    source = f"half of what the lines allow, at most {EXPECTED_TOKENS} each; at most all of it; {where}"
    of_answers = Assumption("completion_tokens", completion, Measure.TOKENS, source)
    return Tokens(prompt, completion, (of_prompts, of_answers))
