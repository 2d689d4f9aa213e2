"""A SageMaker endpoint behind the port: one InvokeEndpointWithResponseStream for each answer.

The container behind it speaks OpenAI's API on its one address, and tells chats from texts by the request's body: vLLM's
own image, or DJL's LMI with vLLM (what they stream: `payload.py`). `model` is left out: each serves one.

An endpoint with an inference component may have no copy of it. Then the call is refused at once (ValidationError, "…has
no capacity…"), which is counted by a metric that wakes one: EngineStarting. Like Bedrock's, calls run in threads of our
own, and a stream that is cancelled ends with its next part.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing, contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, EventStreamError, ParamValidationError

from foreverus.backends import openai_errors
from foreverus.backends.bedrock import BROKEN
from foreverus.backends.messages import as_sent
from foreverus.backends.payload import PayloadStream
from foreverus.backends.port import Completion, Delta, Finished, Prompt
from foreverus.backends.stream_events import StreamEvents
from foreverus.backends.whole import completed
from foreverus.errors import (
    BackendUnavailable,
    EngineBusy,
    EngineError,
    EngineFailed,
    EngineStarting,
    PromptRejected,
)

_BUSY = ("ThrottlingException", "ModelNotReadyException", "ServiceUnavailable", "ServiceUnavailableException")
# ValidationError is one code for several things, and only the message tells them apart. Nothing of a prompt but its
# size is looked at before the container: what is not known here is about the endpoint, and who runs it mends it.
_VALIDATION = ("ValidationError", "ValidationException")
_NO_COPY = "has no capacity"
_TOO_BIG = ("too large", "payload size", "body size", "exceeds the maximum", "exceeded the maximum")


class SageMakerBackend:
    """`Backend` over a sagemaker-runtime client (its settings: `bedrock.config`). `component`: the inference component,
    empty for an endpoint without. Close it with `close`."""

    def __init__(self, client: Any, endpoint: str, component: str, calls_at_once: int):
        self._client = client
        self._where = {"EndpointName": endpoint} | ({"InferenceComponentName": component} if component else {})
        self._threads = ThreadPoolExecutor(calls_at_once, "sagemaker")

    def close(self) -> None:
        """Does not wait for calls in flight."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def complete(self, prompt: Prompt) -> Completion:
        return await completed(self.stream(prompt))

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        """A limit that does not fit beside the prompt is left out, as our own engine's backend does it."""
        asked = body(prompt)
        try:
            async with aclosing(self._stream(asked)) as events:
                async for event in events:
                    yield event
            return
        except PromptRejected as err:
            if err.reason != openai_errors.TOO_LONG or prompt.limit is None:
                raise
        async with aclosing(self._stream(asked | {"max_tokens": None})) as events:
            async for event in events:
                yield event

    async def _stream(self, asked: dict[str, object]) -> AsyncGenerator[Delta | Finished, None]:
        content = openai_errors.encoded(asked)
        loop = asyncio.get_running_loop()
        events: StreamEvents[Mapping[str, Any]] = StreamEvents(loop)
        payload = PayloadStream()
        loop.run_in_executor(self._threads, self._read_stream, content, events)
        try:
            while (event := await events.next()) is not None:
                for delta in payload.feed(event.get("PayloadPart", {}).get("Bytes", b"")):
                    yield delta
            for delta in payload.end():
                yield delta
            yield payload.close()
        finally:
            events.cancelled.set()

    def _read_stream(self, content: bytes, events: StreamEvents[Mapping[str, Any]]) -> None:
        """Runs in a thread, until the stream's end or until nobody listens any more."""
        if events.cancelled.is_set():
            return
        try:
            with _translated():
                response = self._client.invoke_endpoint_with_response_stream(
                    **self._where, Body=content, ContentType="application/json"
                )
                with closing(response["Body"]) as stream:
                    for event in stream:
                        if events.cancelled.is_set():
                            return
                        events.put(event)
            events.put(None)
        except BaseException as err:  # it is the listener's, whatever it is
            events.put(err)


def body(prompt: Prompt) -> dict[str, object]:
    """OpenAI's request, as vLLM takes it.

    >>> body(Prompt((), 8, text="Once"))["prompt"], body(Prompt((), 8, text="Once"))["stream"]
    ('Once', True)
    """
    asked: dict[str, object] = {**prompt.options, "stream": True, "stream_options": {"include_usage": True}}
    if prompt.text is not None:
        asked["prompt"] = prompt.text
    else:
        asked["messages"] = [as_sent(message) for message in prompt.messages]
    if prompt.limit is not None:
        asked["max_tokens"] = prompt.limit
    if prompt.temperature is not None:
        asked["temperature"] = prompt.temperature
    if prompt.continues:
        asked |= {"continue_final_message": True, "add_generation_prompt": False}
    return asked


def refusal(response: Mapping[str, Any]) -> EngineError | PromptRejected:
    """What an error of the endpoint means for the caller. `response`: boto3's, of a call or of an event in a stream,
    which has no status.

    >>> type(refusal({"Error": {"Code": "ModelStreamError"}})).__name__
    'EngineFailed'
    """
    error = response.get("Error", {})
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said, words = f"SageMaker answered {code}: {message}"[:500], message.lower()
    if code == "ModelError":  # the container's own word
        content = str(response.get("OriginalMessage") or message)
        return openai_errors.refusal(int(response.get("OriginalStatusCode") or 0), content.encode("utf-8", "replace"))
    if code in _VALIDATION:
        if _NO_COPY in words:
            return EngineStarting(said)
        return PromptRejected(said) if any(one in words for one in _TOO_BIG) else BackendUnavailable(said)
    if code in _BUSY or status in (429, 503):
        return EngineBusy(said)
    if status == 413:
        return PromptRejected(said)
    return BackendUnavailable(said) if status in (400, 401, 403, 404) else EngineFailed(said)


@contextmanager
def _translated() -> Iterator[None]:
    """boto3's errors become ours."""
    try:
        yield
    except (ClientError, EventStreamError) as err:
        raise refusal(err.response) from err
    except ParamValidationError as err:  # a name that is none: of the endpoint, not of the prompt
        raise BackendUnavailable(f"SageMaker takes no such request: {err}"[:500]) from err
    except BROKEN as err:
        raise EngineFailed(f"SageMaker did not answer: {type(err).__name__}") from err
    except BotoCoreError as err:  # no credentials, no Region
        raise BackendUnavailable(f"SageMaker cannot be asked: {err}"[:500]) from err
