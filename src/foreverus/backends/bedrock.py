"""Bedrock behind the port: one Converse or ConverseStream call for each answer. AWS runs the model, so there is nothing
to boot.

boto3 blocks, so calls run in threads of our own: as many as may be in flight. A call that is cancelled goes on in its
thread and is paid for; nobody reads its answer. A stream that is cancelled ends with its next event.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import urllib3.exceptions
from botocore import exceptions as botocore
from botocore.config import Config
from botocore.eventstream import ParserError
from botocore.exceptions import BotoCoreError, ClientError, EventStreamError, HTTPClientError, ParamValidationError

from foreverus.backends import converse
from foreverus.backends.port import Completion, Delta, Finished, Prompt
from foreverus.backends.stream_events import StreamEvents
from foreverus.backends.tokens import MOST_BEDROCK_TOKENS
from foreverus.errors import BackendUnavailable, EngineFailed, PromptRejected

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 300  # 8,192 tokens at 30 tok/s take 273 s
SILENCE_TIMEOUT_S = 60  # of a stream: without an event
# While a stream is read, what botocore would have wrapped comes as urllib3 or the socket raises it.
BROKEN = (botocore.ConnectionError, HTTPClientError, ParserError, urllib3.exceptions.HTTPError, OSError)


def config(calls_at_once: int, read_timeout_s: float = READ_TIMEOUT_S) -> Config:
    """The client's. It makes one attempt: who asks knows how long to wait and what else there is to do. Who streams
    gives SILENCE_TIMEOUT_S."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1},
        max_pool_connections=calls_at_once,
    )


class BedrockBackend:
    """`Backend` over a bedrock-runtime client. Close it with `close`."""

    def __init__(self, client: Any, model_id: str, calls_at_once: int, most_tokens: int = MOST_BEDROCK_TOKENS):
        self.model_id = model_id
        self._client = client
        self._most_tokens = most_tokens
        self._threads = ThreadPoolExecutor(calls_at_once, "bedrock")

    def close(self) -> None:
        """Does not wait for calls in flight."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def complete(self, prompt: Prompt) -> Completion:
        request = converse.request(prompt, self._most_tokens)
        loop = asyncio.get_running_loop()
        return converse.completion(await loop.run_in_executor(self._threads, self._converse, request))

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        request = converse.request(prompt, self._most_tokens)
        loop = asyncio.get_running_loop()
        events: StreamEvents[Delta | Finished] = StreamEvents(loop)
        loop.run_in_executor(self._threads, self._read_stream, request, events)
        try:
            while (event := await events.next()) is not None:
                yield event
        finally:
            events.cancelled.set()

    def _converse(self, request: dict[str, Any]) -> Any:
        with _translated():
            return self._client.converse(modelId=self.model_id, **request)

    def _read_stream(self, request: dict[str, Any], events: StreamEvents[Delta | Finished]) -> None:
        """Runs in a thread, and reads until the stream's end or until nobody listens any more. Nothing is asked, or
        paid, where that was so before a thread was free. The loop is woken by words alone."""
        if events.cancelled.is_set():
            return
        try:
            read = converse.ConverseStream()
            with _translated():
                response = self._client.converse_stream(modelId=self.model_id, **request)
                with closing(response["stream"]) as stream:
                    for event in stream:
                        if events.cancelled.is_set():
                            return
                        if text := read.read(event):
                            events.put(Delta(text))
            events.put(read.finished())
            events.put(None)
        except BaseException as err:  # it is the listener's, whatever it is
            events.put(err)


@contextmanager
def _translated() -> Iterator[None]:
    """boto3's errors become ours."""
    try:
        yield
    except EventStreamError as err:
        error = err.response.get("Error", {})
        raise converse.refusal_in_stream(error.get("Code", ""), error.get("Message", "")) from err
    except ClientError as err:
        error = err.response.get("Error", {})
        status = err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise converse.refusal(error.get("Code", ""), status, error.get("Message", "")) from err
    except ParamValidationError as err:
        raise PromptRejected(f"Bedrock takes no such request: {err}"[:500]) from err
    except BROKEN as err:
        raise EngineFailed(f"Bedrock did not answer: {type(err).__name__}") from err
    except BotoCoreError as err:  # no credentials, no Region
        raise BackendUnavailable(f"Bedrock cannot be asked: {err}"[:500]) from err
