"""An engine behind OpenAI's HTTP API: vLLM on a GPU, llama.cpp on a laptop. They differ, and both are handled:

| | llama.cpp | vLLM |
|---|---|---|
| not ready | 503 on everything | refused |
| `/health` | `{"status": "ok"}` | empty body |
| wrong model | accepted | 404 |
| prompt too long | 400, type `exceed_context_size_error` | 400, a message, and the parameter that it is about |
| prompt and limit beyond the context | the answer is cut | 400, as for a prompt that is too long |
| continue a message | a last message of the assistant is a prefill | `continue_final_message` |
| a whole answer that was continued | holds the prefill again | only the new text |
| kept-alive connection | closed silently after a stream, after 5 s and after 100 requests | kept |
| images, of a model that sees none | 500, "image input is not supported" | 400, "is not a multimodal model" |
| text completion without `max_tokens` | to the end of the context | 16 tokens, as OpenAI: we always send it |

The `openai` client knows none of these differences, nor an engine's health: this is ours.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import httpx

from foreverus.backends.http1 import Http1
from foreverus.backends.messages import as_sent
from foreverus.backends.openai_errors import TOO_LONG, encoded, error_of, refusal
from foreverus.backends.port import Completion, Delta, Finished, Health, Prompt
from foreverus.backends.sse import WHOLE, ChatStream
from foreverus.backends.whole import joined_calls, pieces_of
from foreverus.errors import EngineBusy, EngineFailed, PromptRejected

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 2.0  # it is on loopback
SILENCE_TIMEOUT_S = 120.0  # without a delta: longer than any prefill we serve, or any wait for a slot
ANSWER_TIMEOUT_S = 900.0  # of a whole answer: 8,192 tokens at 10 tok/s, one of 256 on a busy GPU, take 819 s
HEALTH_TIMEOUT_S = 3.0

SEES_NONE = "image input is not supported"  # llama.cpp's words, with a 500: there is no code for it
COUNTED = ("model", "messages", "prompt", "tools", "continue_final_message", "add_generation_prompt")  # of a request
JSON = {"Content-Type": "application/json"}


class OpenAiEngine:
    """`Engine` over HTTP. Close it with `aclose`."""

    def __init__(
        self,
        url: str,
        model: str,
        silence_timeout_s: float = SILENCE_TIMEOUT_S,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ):
        self.model = model
        self.is_vllm = False
        self._silence_timeout_s = silence_timeout_s
        self._answer_timeout_s = answer_timeout_s
        base = httpx.URL(url.rstrip("/").removesuffix("/v1"))
        self._http1 = Http1(base.host, base.port or 80, base.path.rstrip("/"), CONNECT_TIMEOUT_S)
        self._http = httpx.AsyncClient(
            base_url=base,
            timeout=httpx.Timeout(silence_timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            headers={"Connection": "close"},  # llama.cpp closes kept-alive connections without a word
            trust_env=False,  # the engine is never behind a proxy
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # plain HTTP: reading the system's CAs would cost 20 ms
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def health(self) -> Health:
        try:
            response = await self._http.get("/health", timeout=HEALTH_TIMEOUT_S)
        except httpx.ConnectError:
            return Health.UNREACHABLE
        except httpx.HTTPError:
            return Health.BAD
        if response.status_code == 200:
            return Health.GOOD
        # llama.cpp says 503 while loading, vLLM when its engine died: who has been healthy before can tell.
        return Health.LOADING if response.status_code == 503 else Health.BAD

    async def identify(self) -> None:
        try:
            response = await self._http.get("/v1/models", timeout=HEALTH_TIMEOUT_S)
            models = response.raise_for_status().json()["data"]
            self.is_vllm = any(model.get("owned_by") == "vllm" for model in models)
        except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as err:
            raise EngineFailed("The engine does not list its models.") from err

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        """An answer's limit that does not fit beside the prompt is cut to what fits: see `complete`."""
        try:
            async with aclosing(self._stream(prompt, self.body(prompt))) as events:
                async for event in events:
                    yield event
            return
        except PromptRejected as err:
            if not _may_be_its_limit(err, prompt):
                raise
        async with aclosing(self._stream(prompt, self.unlimited(prompt))) as events:
            async for event in events:
                yield event

    async def _stream(self, prompt: Prompt, whole: dict[str, object]) -> AsyncGenerator[Delta | Finished, None]:
        body = encoded(whole | {"stream": True, "stream_options": {"include_usage": True}})
        request = self._http.build_request("POST", path(prompt), content=body, headers=JSON)
        parser = ChatStream()
        try:
            response = await self._http.send(request, stream=True)
        except httpx.HTTPError as err:
            raise EngineFailed(f"The engine did not answer: {type(err).__name__}") from err
        try:
            if response.status_code != 200:
                raise refused(prompt, response.status_code, await response.aread())
            loop = asyncio.get_running_loop()
            silent_since = loop.time()  # pings keep the connection busy while a hung engine says nothing
            async for data in response.aiter_raw():
                for delta in parser.feed(data):
                    silent_since = loop.time()
                    yield delta
                if parser.done:
                    break
                if loop.time() - silent_since > self._silence_timeout_s:
                    raise EngineFailed(f"The engine has said nothing for {self._silence_timeout_s:.0f} s.")
            yield parser.close()
        except httpx.HTTPError as err:
            raise EngineFailed(f"The engine's stream broke: {type(err).__name__}") from err
        finally:
            await response.aclose()

    async def complete(self, prompt: Prompt) -> Completion:
        """vLLM refuses a prompt and a limit that exceed the context together, however short the prompt is. It is asked
        again without a limit then: it goes on to the end of the context, which is nearer than the limit was. What it
        refuses again is the prompt's own length. (llama.cpp refuses for the prompt alone.)"""
        try:
            return await self._complete(prompt, self.body(prompt))
        except PromptRejected as err:
            if not _may_be_its_limit(err, prompt):
                raise
        return await self._complete(prompt, self.unlimited(prompt))

    async def _complete(self, prompt: Prompt, body: dict[str, object]) -> Completion:
        status, content = await self._http1.post(path(prompt), encoded(body), self._answer_timeout_s)
        if status != 200:
            raise refused(prompt, status, content)
        whole = completion(content)
        if prompt.continues and not self.is_vllm:
            return replace(whole, text=whole.text.removeprefix(prompt.messages[-1].content))
        return whole

    async def count_tokens(self, prompt: Prompt) -> int | None:
        """vLLM counts messages; llama.cpp writes them by the template, and cuts the text into tokens."""
        body = self.body(prompt)
        asked = {name: body[name] for name in COUNTED if name in body}
        try:
            if self.is_vllm:
                return int((await self._told("/tokenize", asked))["count"])
            text = prompt.text
            if text is None:
                text = (await self._told("/apply-template", asked))["prompt"]
            said = await self._told("/tokenize", {"content": text, "add_special": True, "parse_special": True})
            return len(said["tokens"])
        except (EngineFailed, PromptRejected, EngineBusy, ValueError, LookupError, TypeError) as err:
            log.info("the engine counts no tokens: %r", err)
            return None

    async def _told(self, path: str, body: dict[str, object]) -> Any:
        status, content = await self._http1.post(path, encoded(body), HEALTH_TIMEOUT_S)
        if status != 200:
            raise refusal(status, content)
        return json.loads(content)

    def body(self, prompt: Prompt) -> dict[str, object]:
        """The request for a whole answer, in the engine's dialect."""
        body: dict[str, object] = {**prompt.options, "model": self.model, "stream": False}
        if prompt.text is not None:
            body["prompt"] = prompt.text
        else:
            body["messages"] = [as_sent(message) for message in prompt.messages]
        if prompt.limit is not None:
            body["max_tokens"] = prompt.limit
        if prompt.temperature is not None:
            body["temperature"] = prompt.temperature
        if prompt.continues and self.is_vllm:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return body

    def unlimited(self, prompt: Prompt) -> dict[str, object]:
        """The same, up to the end of the context. A missing limit of a text completion would be 16 tokens: null is
        none."""
        return self.body(prompt) | {"max_tokens": None}


def _may_be_its_limit(rejected: PromptRejected, prompt: Prompt) -> bool:
    return rejected.reason == TOO_LONG and prompt.limit is not None


def refused(prompt: Prompt, status: int, content: bytes) -> PromptRejected | EngineBusy | EngineFailed:
    """Of a prompt with images it is said that it was these which the engine did not take: it is not asked without."""
    error = refusal(status, content)
    if not prompt.images or (isinstance(error, PromptRejected) and error.reason == TOO_LONG):
        return error
    if not isinstance(error, PromptRejected) and SEES_NONE not in str(error):
        return error
    return PromptRejected(f"The GPU's model did not take the images: {error}"[:500], "images_refused")


def path(prompt: Prompt) -> str:
    return "/v1/completions" if prompt.text is not None else "/v1/chat/completions"


def completion(content: bytes) -> Completion:
    """What the engine answered with status 200. Raises EngineFailed for what is not a whole answer."""
    try:
        body = json.loads(content)
        if body.get("error"):
            raise EngineFailed(f"The engine failed: {error_of(content).get('message')}"[:300])
        choice = body["choices"][0]
        message = choice if "text" in choice else choice["message"]
        calls = joined_calls(pieces_of(message.get("tool_calls")))
        text = message["text"] if "text" in choice else message.get("content") if calls else message["content"]
        usage = body.get("usage") or {}
        counts = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        reason = choice["finish_reason"]
    except (ValueError, AttributeError, LookupError, TypeError) as err:
        raise EngineFailed("The engine's answer cannot be read.") from err
    if reason not in WHOLE:
        raise EngineFailed(f"The engine's answer ended with finish_reason {reason}.")
    if not isinstance(text, str | None):
        raise EngineFailed("The engine's answer is not text.")
    return Completion(text or "", reason, *counts, calls, choice.get("logprobs") or None)
