"""Bedrock behind the port: one Converse call for each answer. AWS runs the model, so there is nothing to boot.

boto3 blocks, so calls run in threads of our own: as many as may be in flight. A call that is cancelled goes on in its
thread and is paid for; nobody reads its answer.
"""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore import exceptions as botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ParamValidationError

from foreverus.backends import converse
from foreverus.backends.port import Completion, Delta, Finished, Prompt
from foreverus.backends.tokens import MOST_BEDROCK_TOKENS
from foreverus.errors import BackendUnavailable, EngineFailed, PromptRejected

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 300  # 8,192 tokens at 30 tok/s take 273 s


def config(calls_at_once: int) -> Config:
    """The client's. It makes one attempt: who asks knows how long to wait and what else there is to do."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
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
        """One delta: what is answered on Bedrock is work that nobody watches."""
        whole = await self.complete(prompt)
        if whole.text:
            yield Delta(whole.text)
        yield Finished(whole.finish_reason, whole.prompt_tokens, whole.completion_tokens)

    def _converse(self, request: dict[str, Any]) -> Any:
        try:
            return self._client.converse(modelId=self.model_id, **request)
        except ClientError as err:
            error = err.response.get("Error", {})
            status = err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise converse.refusal(error.get("Code", ""), status, error.get("Message", "")) from err
        except ParamValidationError as err:
            raise PromptRejected(f"Bedrock takes no such request: {err}"[:500]) from err
        except (botocore.ConnectionError, HTTPClientError) as err:
            raise EngineFailed(f"Bedrock did not answer: {type(err).__name__}") from err
        except BotoCoreError as err:  # no credentials, no Region
            raise BackendUnavailable(f"Bedrock cannot be asked: {err}"[:500]) from err
