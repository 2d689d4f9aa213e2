"""Who sees: the model on Bedrock, the GPU's and their twin in memory answer the same tests; Bedrock is boto3's real
client, the GPU's engine a real server on loopback."""

import asyncio
import base64
import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from foreverus.abilities.read_image.bedrock import BedrockSight
from foreverus.abilities.read_image.checking import checked
from foreverus.abilities.read_image.gpu import GpuSight, fetch
from foreverus.abilities.read_image.memory import MemorySight
from foreverus.abilities.read_image.port import ReadImage, Sight
from foreverus.backends.images import PromptImage
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Completion, Delta, Finished, Message, Prompt
from foreverus.backends.tokens import MOST_SEEN_TOKENS
from foreverus.errors import EngineBusy, EngineFailed, ImagesNotFetched, PromptRejected
from tests.unit.abilities.images import jpeg, png
from tests.unit.backends.server import Reply, Script, engine

CHAT = "/v1/chat/completions"
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


def gpu() -> GpuSight:
    return GpuSight(MemoryEngine(), "pixtral-12b")


def on_gpu(sight: GpuSight, prompt: Prompt, text: str) -> Completion:
    said = {"role": "assistant", "content": text}
    whole = {"choices": [{"message": said, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1300}}
    return with_engine(sight, prompt, Reply(200, body=json.dumps(whole).encode()))


def with_engine(sight: GpuSight, prompt: Prompt, reply: Reply) -> Completion:
    async def ask() -> Completion:
        async with engine(Script({CHAT: [reply] * 2})) as client:
            return await replace(sight, backend=client).complete(prompt)

    return asyncio.run(ask())


@pytest.mark.parametrize(("sight", "answer"), [(bedrock(), on_bedrock), (gpu(), on_gpu), (MemorySight(), in_memory)])
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


def refusing_gpu(sight: GpuSight, prompt: Prompt, code: str) -> Completion:
    said = json.dumps({"error": {"message": "pixtral-12b is not a multimodal model", "type": "BadRequestError"}})
    return with_engine(sight, prompt, Reply(400 if code == "ValidationException" else 429, body=said.encode()))


@pytest.mark.parametrize(
    ("sight", "answer"), [(bedrock(), refusing_bedrock), (gpu(), refusing_gpu), (MemorySight(), refusing_memory)]
)
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


def lent(image: PromptImage, url: str = "https://bucket/one") -> PromptImage:
    return replace(image, data=b"", url=url)


def test_gpus_engine_gets_the_bytes_of_every_image_before_its_words() -> None:
    two = checked(jpeg(5, 7))
    fetched = {"https://bucket/one": ONE.data}
    said = {"choices": [{"message": {"content": "Two."}, "finish_reason": "stop"}]}
    script = Script({CHAT: [Reply(200, body=json.dumps(said).encode())]})

    async def ask() -> Completion:
        async with engine(script) as client:
            sight = GpuSight(client, "pixtral-12b", fetched.get)
            return await sight.complete(asked(lent(ONE), two))

    assert asyncio.run(ask()).text == "Two."
    first, second, words = script.requests[0]["messages"][-1]["content"]
    for part, image, kind in ((first, ONE, "png"), (second, two, "jpeg")):
        head, _, data = part["image_url"]["url"].partition(",")
        assert (part["type"], head, base64.b64decode(data)) == ("image_url", f"data:image/{kind};base64", image.data)
    assert words == {"type": "text", "text": "What is this?"}
    assert script.requests[0]["messages"][0]["content"] == "Be brief.", "a message without images is a text"


@pytest.mark.parametrize(
    ("found", "kind", "says"), [(None, PromptRejected, "deleted"), (OSError(), ImagesNotFetched, "fetch")]
)
def test_gpu_is_not_asked_without_an_image_that_it_was_to_see(
    found: OSError | None, kind: type[Exception], says: str
) -> None:
    backend = MemoryEngine()

    def fetch(url: str) -> bytes | None:
        if found:
            raise found
        return None

    with pytest.raises(kind, match=says):
        asyncio.run(GpuSight(backend, "pixtral-12b", fetch).complete(asked(lent(ONE))))
    assert backend.prompts == []


@pytest.mark.parametrize("head", ["Content-Length: 9", "Transfer-Encoding: chunked"])
def test_image_whose_bytes_break_off_is_none(head: str) -> None:
    """A proxy that closes: `http.client` gives the bytes before it, and says nothing."""
    body = "9\r\nimage" if "chunked" in head else "image"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as asked:
                asked.recv(4096)
                asked.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}".encode())

        with ThreadPoolExecutor() as threads, pytest.raises(OSError, match=r"missing|broke off"):
            threads.submit(answer)
            fetch(f"http://127.0.0.1:{server.getsockname()[1]}/")


def test_what_the_gpus_engine_says_of_images_is_said_as_theirs() -> None:
    with pytest.raises(PromptRejected, match="did not take the images: pixtral-12b is not a multimodal") as refused:
        refusing_gpu(gpu(), asked(ONE), "ValidationException")
    assert refused.value.reason == "images_refused"
    said = json.dumps({"error": {"code": 500, "message": "image input is not supported - hint: …"}})  # llama.cpp's
    with pytest.raises(PromptRejected, match="did not take the images") as refused:
        with_engine(gpu(), asked(ONE), Reply(500, body=said.encode()))
    assert refused.value.reason == "images_refused"
    with pytest.raises(EngineFailed):
        with_engine(gpu(), asked(ONE), Reply(500, body=b"{}"))
    said = json.dumps({"error": {"message": "This model's maximum context length is 8192 tokens."}})
    with pytest.raises(PromptRejected) as refused:
        with_engine(gpu(), asked(ONE), Reply(400, body=said.encode()))
    assert refused.value.reason == "context_length_exceeded"
