"""Who sees: the model on Bedrock and its twin in memory answer the same tests; Bedrock is boto3's real client."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from foreverus.abilities.read_image.bedrock import BedrockSight
from foreverus.abilities.read_image.checking import checked
from foreverus.abilities.read_image.memory import MemorySight
from foreverus.abilities.read_image.port import ReadImage, Sight
from foreverus.backends.images import PromptImage
from foreverus.backends.port import Completion, Delta, Finished, Message, Prompt
from foreverus.backends.tokens import MOST_SEEN_TOKENS
from foreverus.errors import EngineBusy, PromptRejected
from tests.unit.abilities.images import jpeg, png

MODEL = "amazon.nova-lite-v1:0"
ONE = checked(png(3, 2))


def bedrock() -> BedrockSight:
    client = boto3.client(
        "bedrock-runtime", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    return BedrockSight(client, MODEL, 2)


def asked(*images: PromptImage, words: str = "What is this?") -> Prompt:
    return Prompt((Message("system", "Be brief."), Message("user", words, images=images)))


def on_bedrock(sight: BedrockSight, prompt: Prompt, text: str) -> Completion:
    with Stubber(sight._client) as stub:
        answer: dict[str, Any] = {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1300, "outputTokens": 4, "totalTokens": 1304},
            "metrics": {"latencyMs": 3},
        }
        stub.add_response("converse", answer)
        return asyncio.run(sight.complete(prompt))


def in_memory(sight: MemorySight, prompt: Prompt, text: str) -> Completion:
    sight.reply = lambda _: [text]
    return asyncio.run(sight.complete(prompt))


@pytest.mark.parametrize(("sight", "answer"), [(bedrock(), on_bedrock), (MemorySight(), in_memory)])
def test_prompt_with_an_image_has_an_answer_and_who_sees_has_a_name(
    sight: ReadImage, answer: Callable[[ReadImage, Prompt, str], Completion]
) -> None:
    whole = answer(sight, asked(ONE), "A black box.")
    assert (whole.text, whole.finish_reason) == ("A black box.", "stop")
    assert sight.sight is Sight.SEEN and sight.model_id


def refusing_bedrock(sight: BedrockSight, prompt: Prompt, code: str) -> Completion:
    with Stubber(sight._client) as stub:
        stub.add_client_error("converse", code, "no", 400 if code == "ValidationException" else 429)
        return asyncio.run(sight.complete(prompt))


def refusing_memory(sight: MemorySight, prompt: Prompt, code: str) -> Completion:
    sight.fail_next(PromptRejected("no") if code == "ValidationException" else EngineBusy("no"))
    return asyncio.run(sight.complete(prompt))


@pytest.mark.parametrize(("sight", "answer"), [(bedrock(), refusing_bedrock), (MemorySight(), refusing_memory)])
@pytest.mark.parametrize(
    ("code", "kind"), [("ValidationException", PromptRejected), ("ThrottlingException", EngineBusy)]
)
def test_what_it_cannot_take_is_told_apart_from_what_it_can_take_later(
    sight: ReadImage, answer: Callable[[ReadImage, Prompt, str], Completion], code: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        answer(sight, asked(ONE), code)


def test_images_go_to_converse_as_blocks_before_the_words_of_their_turn() -> None:
    other = checked(jpeg())
    earlier = Message("user", "And this?", images=(other,))
    messages = (
        Message("system", "Be brief."),
        earlier,
        Message("assistant", "A cat."),
        Message("user", "", images=(ONE,)),
    )
    sight = bedrock()
    with Stubber(sight._client) as stub:
        picture = {"image": {"format": "jpeg", "source": {"bytes": other.data}}}
        expected = {
            "modelId": MODEL,
            "messages": [
                {"role": "user", "content": [picture, {"text": "Be brief.\n\nAnd this?"}]},
                {"role": "assistant", "content": [{"text": "A cat."}]},
                {"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": ONE.data}}}]},
            ],
            "inferenceConfig": {"maxTokens": MOST_SEEN_TOKENS},
        }
        stub.add_client_error("converse", "ThrottlingException", expected_params=expected)
        with pytest.raises(EngineBusy):
            asyncio.run(sight.complete(Prompt(messages)))


def test_twin_says_what_it_was_shown_as_a_stream() -> None:
    async def read() -> list[Delta | Finished]:
        async with aclosing(MemorySight().stream(asked(ONE, checked(jpeg(5, 7))))) as events:
            return [one async for one in events]

    *words, end = asyncio.run(read())
    assert "".join(one.text for one in words if isinstance(one, Delta)) == "I see: png 3x2. jpeg 5x7. "
    assert isinstance(end, Finished)


def test_image_is_not_in_what_a_log_would_say_of_its_prompt() -> None:
    assert "IDAT" not in repr(asked(ONE))
