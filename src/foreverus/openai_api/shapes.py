"""Answers as OpenAI's API has them: whole ones, and the chunks of a stream. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from foreverus.backends.parameters import CHAT
from foreverus.backends.port import BackendName, Completion, Delta, Finished, ToolCall, ToolCallPiece
from foreverus.openai_api.records import CompletionRequest

Shown = dict[str, object]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Of one answer. `model` names the backend that gives it, so that whoever asked for any can see which it was."""

    request: CompletionRequest
    backend: BackendName

    @property
    def is_chat(self) -> bool:
        return self.request.endpoint == CHAT

    def whole(self, answer: Completion) -> Shown:
        if self.is_chat:
            choice: Shown = {"index": 0, "message": _message(answer), "logprobs": answer.logprobs}
        else:
            choice = {"index": 0, "text": answer.text, "logprobs": answer.logprobs}
        choice["finish_reason"] = answer.finish_reason
        kind = "chat.completion" if self.is_chat else "text_completion"
        return self._frame(kind, [choice]) | {"usage": _usage(answer.prompt_tokens, answer.completion_tokens)}

    def first(self) -> list[Shown]:
        """What comes with the first piece, before it: who speaks."""
        return [self._chunk({"role": "assistant", "content": ""})] if self.is_chat else []

    def piece(self, delta: Delta) -> Shown:
        if not self.is_chat:
            return self._text(delta.text, delta.logprobs)
        said: Shown = {"content": delta.text} if delta.text or not delta.tool_calls else {}
        if delta.tool_calls:
            said["tool_calls"] = [_call_piece(one) for one in delta.tool_calls]
        return self._chunk(said, delta.logprobs)

    def last(self, finished: Finished) -> list[Shown]:
        """Why it ended and, where that was asked for, what it took."""
        reason = finished.finish_reason
        end = self._chunk({}, reason=reason) if self.is_chat else self._text("", reason=reason)
        if not self.request.include_usage:
            return [end]
        usage = _usage(finished.prompt_tokens, finished.completion_tokens)
        return [end, self._frame(self._kind, []) | {"usage": usage}]

    @property
    def _kind(self) -> str:
        return "chat.completion.chunk" if self.is_chat else "text_completion"

    def _chunk(self, delta: Shown, logprobs: object = None, reason: str | None = None) -> Shown:
        return self._part({"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": reason})

    def _text(self, text: str, logprobs: object = None, reason: str | None = None) -> Shown:
        return self._part({"index": 0, "text": text, "logprobs": logprobs, "finish_reason": reason})

    def _part(self, choice: Shown) -> Shown:
        """Where the usage comes at the end, each chunk before it says that it has none."""
        return self._frame(self._kind, [choice]) | ({"usage": None} if self.request.include_usage else {})

    def _frame(self, kind: str, choices: Sequence[Shown]) -> Shown:
        asked = self.request
        model = asked.sees if asked.sees and self.backend is BackendName.BEDROCK else asked.model
        return {
            "id": f"{'chatcmpl' if self.is_chat else 'cmpl'}-{asked.request_id.removeprefix('req_')}",
            "object": kind,
            "created": asked.created,
            "model": f"{model}@{self.backend.value}",
            "choices": list(choices),
            "system_fingerprint": None,
        }


def _message(answer: Completion) -> Shown:
    message: Shown = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.tool_calls:
        message |= {"content": answer.text or None, "tool_calls": [_call(one) for one in answer.tool_calls]}
    return message


def _call(call: ToolCall) -> Shown:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _call_piece(piece: ToolCallPiece) -> Shown:
    function = ({"name": piece.name} if piece.name else {}) | {"arguments": piece.arguments}
    named: Shown = {"id": piece.id, "type": "function"} if piece.id else {}
    return {"index": piece.index, **named, "function": function}


def _usage(prompt_tokens: int, completion_tokens: int) -> Shown:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
