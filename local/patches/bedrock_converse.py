"""Bedrock's answers are a model's or an error.

AWS: an answer comes from the model, and says `max_tokens` when it was cut; without a model there is an error. Mistral
7B Instruct v0.2 refuses system messages, and turns that do not alternate from the user's to the user's. Converse needs
the permission `bedrock:InvokeModel` on the model's ARN. (Amazon Bedrock User Guide, "Converse"; Service Authorization
Reference, "Actions defined by Amazon Bedrock". The texts of the refusals are from public bug reports.)
Emulator: forwards to an OpenAI-compatible server if it is told one in its environment, and when that one does not
answer, or answers with an error, it makes up a text and says that all went well. Every answer ends in `end_turn`. Any
turns are taken. It asks for the permission `bedrock:Converse` on `*`.

Patch: the server's address comes from the command line (functions inherit the environment); its errors are Bedrock's.
"""

import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from local.patches import Options
from local.patches.bedrock_images import with_words
from local.refused import Refused

TIMEOUT_S = 300
REFUSES_SYSTEM = "mistral.mistral-7b-instruct"


def apply(options: Options) -> None:
    from ministack.core import iam_actions
    from ministack.services import bedrock_runtime as runtime

    def ask(model_id: str, messages: Any, system: Any, config: Any, tools: Any = None) -> Any:
        refuse_turns(model_id, messages or [], system)
        config = config or {}
        names = (
            ("maxTokens", "max_tokens"),
            ("temperature", "temperature"),
            ("topP", "top_p"),
            ("stopSequences", "stop"),
        )
        shown = with_words(model_id, messages or [])
        body = {"model": model_id, "messages": runtime._openai_messages(shown, system), "stream": False}
        body |= {theirs: config[ours] for ours, theirs in names if ours in config}
        answer = post(options.bedrock, body)
        choice, usage = answer["choices"][0], answer["usage"]
        message = choice["message"] | {"finish_reason": choice["finish_reason"]}
        return message, (usage["prompt_tokens"], usage["completion_tokens"])

    original_blocks = runtime._converse_blocks_from_message

    def blocks(message: Any) -> Any:
        content, stop_reason = original_blocks(message)
        return content, "max_tokens" if message.get("finish_reason") == "length" else stop_reason

    def make_up(*arguments: Any) -> Any:
        raise Refused(503, "ServiceUnavailableException", "No model answers.")

    def refusing(original: Callable[..., Any]) -> Callable[..., Any]:
        def handle(*arguments: Any) -> Any:
            try:
                return original(*arguments)
            except Refused as refused:
                status, headers, body = runtime._error(refused.code, refused.message, refused.status)
                return status, headers | {"x-amzn-ErrorType": refused.code}, body

        return handle

    runtime._proxy_openai_chat_message = ask
    runtime._converse_blocks_from_message = blocks
    runtime._mock_reply = runtime._openai_mock_reply = make_up
    for name in ("_converse", "_converse_stream", "_invoke_model", "_invoke_model_with_response_stream"):
        setattr(runtime, name, refusing(getattr(runtime, name)))
    runtime._openai_chat_completion = refusing(runtime._openai_chat_completion)

    original_action, original_resource = iam_actions.extract_iam_action, iam_actions.extract_resource_arn

    def action(*arguments: Any, **named: Any) -> str | None:
        found: str | None = original_action(*arguments, **named)
        return "bedrock:InvokeModel" if found == "bedrock:Converse" else found

    def resource(service: str, method: str, path: str, *others: Any) -> str:
        if service == "bedrock-runtime" and path.startswith("/model/"):
            model, region = unquote(path.split("/")[2]), others[3]
            return model if model.startswith("arn:") else f"arn:aws:bedrock:{region}::foundation-model/{model}"
        return str(original_resource(service, method, path, *others))

    iam_actions.extract_iam_action = action
    iam_actions.extract_resource_arn = resource


def post(url: str | None, body: dict[str, Any]) -> Any:
    """What the server answered. Refused, in Bedrock's words, for everything that is no answer."""
    if url is None:
        raise Refused(503, "ServiceUnavailableException", "This cloud has no model behind its Bedrock.")
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", data=json.dumps(body).encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise refusal(error.code, error.read().decode(errors="replace")) from error
    except OSError as error:
        raise Refused(503, "ServiceUnavailableException", f"The model does not answer: {error}") from error
    except ValueError as error:
        raise Refused(424, "ModelErrorException", "The model's answer cannot be read.") from error
    if not isinstance(answer, dict) or not answer.get("choices") or "usage" not in answer:
        raise Refused(424, "ModelErrorException", "The model's answer cannot be read.")
    if not answer["choices"][0].get("finish_reason"):
        raise Refused(424, "ModelErrorException", "The model's answer has no end.")
    return answer


def refusal(status: int, text: str) -> Refused:
    if status == 400 and "exceed_context_size_error" in text:
        message = "This model's maximum context length is exceeded. Please reduce the length of the prompt."
        return Refused(400, "ValidationException", message)
    if status == 400:
        return Refused(400, "ValidationException", text[:500])
    if status in (429, 503):
        return Refused(429, "ThrottlingException", "Too many requests, please wait before trying again.")
    return Refused(424, "ModelErrorException", f"The model answered {status}: {text[:300]}")


def refuse_turns(model_id: str, messages: list[dict[str, Any]], system: Any) -> None:
    """As Bedrock does for Mistral 7B."""
    if REFUSES_SYSTEM not in model_id:
        return
    roles = [message.get("role") for message in messages]
    texts = [block.get("text") for message in messages for block in message.get("content") or []]
    message = ""
    if system:
        message = "This model doesn't support system messages. Try again without system messages."
    elif not roles or roles[0] != "user" or roles[-1] != "user":
        message = "A conversation must start and end with a user message."
    elif any(one == next_one for one, next_one in itertools.pairwise(roles)):
        message = "A conversation must alternate between user and assistant roles."
    elif any(isinstance(text, str) and not text.strip() for text in texts):
        message = "The text field in a ContentBlock object is blank."
    if message:
        raise Refused(400, "ValidationException", message)
