"""An engine behind OpenAI's HTTP API: vLLM on a GPU, llama.cpp on a laptop. They differ, and both are handled:

| | llama.cpp | vLLM |
|---|---|---|
| not ready | 503 on everything | refused |
| `/health` | `{"status": "ok"}` | empty body |
| wrong model | accepted | 404 |
| prompt too long | 400, type `exceed_context_size_error` | 400, code 400 and a message, or `context_length_exceeded` |
| continue a message | a last message of the assistant is a prefill | `continue_final_message` |
| kept-alive connection | closed silently after a stream | kept |
"""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from typing import Any

import httpx

from foreverus.backends.port import Completion, Delta, Finished, Health, Prompt
from foreverus.backends.sse import ChatStream
from foreverus.errors import EngineBusy, EngineFailed, PromptRejected

CONNECT_TIMEOUT_S = 2.0  # it is on loopback
SILENCE_TIMEOUT_S = 120.0  # without a delta: longer than any prefill we serve, or any wait for a slot
HEALTH_TIMEOUT_S = 3.0

# In vLLM the message is the only thing that tells a prompt that is too long from another bad request: it has no
# code for it up to 0.32. A reworded message costs only the reason: it stays a PromptRejected.
_TOO_LONG = ("maximum context length", "context length", "exceeds the available context size", "max_model_len")


class OpenAiEngine:
    """`Engine` over HTTP. Close it with `aclose`."""

    def __init__(self, url: str, model: str, silence_timeout_s: float = SILENCE_TIMEOUT_S):
        self.model = model
        self.is_vllm = False
        self._silence_timeout_s = silence_timeout_s
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/").removesuffix("/v1"),
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
        request = self._http.build_request("POST", "/v1/chat/completions", json=self.body(prompt))
        parser = ChatStream()
        try:
            response = await self._http.send(request, stream=True)
        except httpx.HTTPError as err:
            raise EngineFailed(f"The engine did not answer: {type(err).__name__}") from err
        try:
            if response.status_code != 200:
                raise refusal(response.status_code, await response.aread())
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
        text = ""
        async for event in self.stream(prompt):
            if isinstance(event, Finished):
                return Completion(text, event.finish_reason, event.prompt_tokens, event.completion_tokens)
            text += event.text
        raise EngineFailed("The engine's stream ended without an end.")

    def body(self, prompt: Prompt) -> dict[str, Any]:
        """The request, in the engine's dialect."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if prompt.max_tokens is not None:
            body["max_tokens"] = prompt.max_tokens
        if prompt.temperature is not None:
            body["temperature"] = prompt.temperature
        if prompt.continues and self.is_vllm:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return body


def refusal(status: int, content: bytes) -> PromptRejected | EngineBusy | EngineFailed:
    """What an engine's HTTP error means for the caller, in both dialects."""
    error = _error(content)
    message = str(error.get("message") or "")[:500]
    if status in (429, 503):
        return EngineBusy(message or f"The engine answered {status}.")
    if status in (400, 413, 422):
        marks = (error.get("type"), error.get("code"))
        if "exceed_context_size_error" in marks or "context_length_exceeded" in marks or _says_too_long(message):
            return PromptRejected("The prompt is longer than the model's context.", "context_length_exceeded")
        return PromptRejected(message or f"The engine answered {status}.")
    return EngineFailed(f"The engine answered {status}: {message}")


def _says_too_long(message: str) -> bool:
    return any(words in message.lower() for words in _TOO_LONG)


def _error(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    error = body.get("error", body) if isinstance(body, dict) else {}
    return error if isinstance(error, dict) else {"message": error}
