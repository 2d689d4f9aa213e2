"""From the bytes of a request to what is asked, or a clear error that names the field. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from foreverus import ids, strict_json
from foreverus.abilities.read_image.parts import images_of, with_images
from foreverus.api import schemas
from foreverus.api.violations import MOST_PARAM_CHARACTERS
from foreverus.backends.answer_schema import flaw_of
from foreverus.backends.images import PromptImage
from foreverus.backends.live_parameters import live_options
from foreverus.backends.messages import without_nulls
from foreverus.backends.parameters import CHAT
from foreverus.backends.port import BackendName, Prompt
from foreverus.backends.prompts import prompt_of
from foreverus.backends.request_schema import REQUEST_FILES
from foreverus.backends.sights import SeeingModel
from foreverus.choice.request import images_off
from foreverus.errors import InvalidRequest, NotFound
from foreverus.openai_api.records import CompletionRequest
from foreverus.strict_json import path_of
from foreverus.text import is_blank, quoted, shortened

SCHEMAS = {endpoint: name for name, endpoint in REQUEST_FILES.items()}
RequestBody: TypeAlias = Mapping[str, Any]
SEPARATOR = "@"  # stands in no model's name
NO_ENDPOINT = ": this deployment has no SageMaker endpoint (its SageMakerEndpoint is empty)"


@dataclass(frozen=True, slots=True)
class Served:
    """`model_id`: the name under which clients ask for the model. `has_sagemaker`: the deployment names an endpoint.
    `sees`: the model on Bedrock that answers where there are images; empty: none. `gpu_sees`: so does the GPU's.
    `reads`: the text in them is read, where nobody sees them."""

    model_id: str
    has_sagemaker: bool = False
    sees: str = ""
    reads: bool = False
    gpu_sees: SeeingModel | None = None

    @property
    def takes_images(self) -> bool:
        return bool(self.sees or self.gpu_sees or self.reads)

    def named(self, backend: BackendName) -> str:
        return f"{self.model_id}{SEPARATOR}{backend.value}"

    def backend_of(self, model: str) -> BackendName:
        """What a model's name says of the backend. Raises NotFound, as OpenAI does for a model that it has not."""
        name, at, backend = model.partition(SEPARATOR)
        if name == self.model_id and not at:
            return BackendName.AUTO
        if name == self.model_id and backend in self._backends:
            return BackendName(backend)
        raise self.unknown(model)

    def unknown(self, model: str) -> NotFound:
        known = ", ".join((self.model_id, *map(self.named, self._backends)))
        why = "" if model != self.named(BackendName.SAGEMAKER) else NO_ENDPOINT
        said = quoted(shortened(model, MOST_PARAM_CHARACTERS))
        return NotFound(f"The model {said} does not exist{why}. There are: {known}.", "model", "model_not_found")

    @property
    def _backends(self) -> tuple[BackendName, ...]:
        both = BackendName.GPU, BackendName.BEDROCK
        return (*both, BackendName.SAGEMAKER) if self.has_sagemaker else both


def read_request(
    endpoint: str, body: RequestBody, served: Served, now: datetime, own: Mapping[str, PromptImage] | None = None
) -> CompletionRequest:
    """`own`: the images that it names, by their ids, as far as they are its person's. Raises InvalidRequest or
    NotFound."""
    backend = served.backend_of(body["model"])
    streams = bool(body.get("stream"))
    if "stream_options" in body and not streams:
        message = "The field 'stream_options' is only for streams: leave it out, or set 'stream' to true."
        raise InvalidRequest(message, param="stream_options", code="invalid_field")
    shown = images_of(body, own or {})  # first: a prompt is made of parts that have what they say
    prompt = with_images(prompt_of(endpoint, body, live_options(endpoint, body)), shown)
    if prompt.images and not served.takes_images:
        raise images_off("messages")
    _check(endpoint, body, prompt)
    return CompletionRequest(
        request_id=ids.new_id("req", now),
        endpoint=endpoint,
        model=served.model_id,
        sees=served.sees if prompt.images else "",
        backend=backend,
        prompt=prompt,
        streams=streams,
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        created=int(now.timestamp()),
    )


def read_body(endpoint: str, data: bytes) -> RequestBody:
    """What fits the schema of its endpoint. Raises InvalidRequest."""
    try:
        body = strict_json.read(data)
    except strict_json.NotJson as err:
        raise InvalidRequest(f"The body {err}.", param=err.param, code="invalid_json") from err
    return dict(schemas.check(SCHEMAS[endpoint], without_nulls(body), len(data)))


def _check(endpoint: str, body: RequestBody, prompt: Prompt) -> None:
    """What no schema can say."""
    if endpoint == CHAT and all(
        is_blank(one.content) and not one.images for one in prompt.messages if one.role != "system"
    ):
        message = "The field 'messages' holds no text of a user: there is nothing to answer."
        raise InvalidRequest(message, param="messages", code="invalid_field")
    for number, said in enumerate(body.get("messages", ())):
        if said["role"] == "tool" and not said.get("tool_call_id"):
            where = f"messages[{number}].tool_call_id"
            message = f"The field '{where}' is missing: a tool's message names the call that it is the result of."
            raise InvalidRequest(message, param=where, code="missing_field")
    for place, schema in _schemas_in(body):
        if schema is not None and (flaw := flaw_of(schema)):
            where = shortened(path_of([*place, *flaw.path]), MOST_PARAM_CHARACTERS)
            raise InvalidRequest(f"The field {quoted(where)} {flaw.says}", param=where, code="invalid_field")


def _schemas_in(body: RequestBody) -> list[tuple[list[str | int], object]]:
    """Each JSON Schema that an engine would make a grammar of, and where it stands."""
    form = body.get("response_format") or {}
    found: list[tuple[list[str | int], object]] = []
    if form.get("type") == "json_schema":
        found.append((["response_format", "json_schema", "schema"], form["json_schema"]["schema"]))
    for number, tool in enumerate(body.get("tools", ())):
        found.append((["tools", number, "function", "parameters"], tool["function"].get("parameters")))
    return found
