"""SageMaker's runtime: an endpoint whose container is the laptop's engine.

AWS: `InvokeEndpointWithResponseStream` passes a container's bytes on as they come, in parts that end anywhere. A
container that refuses is a `ModelError` (424) with its own status and words; one that breaks off in the middle is an
exception event. An endpoint that is not there, and an inference component without a copy, are a `ValidationError`; the
second one wakes a copy where the scaling policies say so, and none is there again some time after the last call.
(Amazon SageMaker API Reference; Developer Guide, "Scale an endpoint to zero instances". Texts: public reports.)
Emulator: has no SageMaker: what is signed for it is an S3 bucket's.

Patch: every endpoint is there but those whose names end in `-gone`. One that is asked without a component always
answers. A component has no copy at first: the call that finds none wakes one, which is there after START_S, and goes
IDLE_S after its last call. IAM asks for `sagemaker:InvokeEndpointWithResponseStream` on the endpoint.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from local.patches import Options
from local.patches.bedrock_stream import Broken, Source, pass_on, read
from local.refused import Refused

SERVICE = "sagemaker-runtime"
PATH = re.compile(r"^/endpoints/([^/]+)/invocations-response-stream$")
COMPONENT = "x-amzn-sagemaker-inference-component"
START_S, IDLE_S = 2.0, 30.0
GONE = "-gone"
NO_CAPACITY = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress (if "
    "configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
)
PATHS = {"messages": "/v1/chat/completions", "prompt": "/v1/completions"}


def apply(options: Options) -> None:
    from ministack import app as gateway
    from ministack.core import iam_actions, router
    from ministack.core.responses import StreamingResponse
    from ministack.services import bedrock_runtime as runtime

    copies = Copies()
    kind = {"Content-Type": "application/vnd.amazon.eventstream", "X-Amzn-SageMaker-Content-Type": "text/event-stream"}

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        try:
            endpoint = PATH.match(path)
            if method != "POST" or endpoint is None:
                raise Refused(404, "UnknownOperationException", f"Nothing of SageMaker's is here at {path}.")
            copies.check(endpoint[1], headers.get(COMPONENT, ""))
            source = Container.asked(options.bedrock, endpoint[1], read(body) or {})
        except Refused as refused:
            said = {"Message": refused.message, **getattr(refused, "more", {})}
            return refused.status, {"x-amzn-ErrorType": refused.code}, json.dumps(said).encode()
        frames = parts(source, runtime._es_encode_message)
        return 200, dict(kind), StreamingResponse(partial(pass_on, source, frames))

    gateway.SERVICE_HANDLERS[SERVICE] = handle
    original_service, original_action = router.detect_service, iam_actions.extract_iam_action
    original_resource = iam_actions.extract_resource_arn

    def detect(method: str, path: str, headers: Any, query: Any) -> str:
        return SERVICE if PATH.match(path) else str(original_service(method, path, headers, query))

    def action(service: str, *others: Any) -> Any:
        return "sagemaker:InvokeEndpointWithResponseStream" if service == SERVICE else original_action(service, *others)

    def resource(service: str, method: str, path: str, *others: Any) -> str:
        if service != SERVICE:
            return str(original_resource(service, method, path, *others))
        found, region, account = PATH.match(path), others[3], others[4]
        return f"arn:aws:sagemaker:{region}:{account}:endpoint/{found[1] if found else ''}"

    gateway.detect_service = router.detect_service = detect
    iam_actions.extract_iam_action, iam_actions.extract_resource_arn = action, resource
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = "sagemaker"


class Copies:
    """Since when each component's copy is there, and until when."""

    def __init__(self) -> None:
        self._up: dict[tuple[str, str], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def check(self, endpoint: str, component: str) -> None:
        """Raises Refused where none answers."""
        if endpoint.endswith(GONE):
            raise Refused(400, "ValidationError", f"Endpoint {endpoint} of account 000000000000 not found.")
        if not component:
            return
        with self._lock:
            now, (since, until) = time.monotonic(), self._up.get((endpoint, component), (0.0, 0.0))
            if now >= until:
                since = now + START_S
            self._up[endpoint, component] = since, max(since, now) + IDLE_S
        if now < since:
            raise Refused(400, "ValidationError", NO_CAPACITY)


class ModelError(Refused):
    """The container's own refusal."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(424, "ModelError", f"Received error ({status}) from primary with message: {text}"[:1000])
        self.more = {"OriginalStatusCode": status, "OriginalMessage": text}


class Container(Source):
    @classmethod
    def asked(cls, url: str | None, endpoint: str, body: dict[str, Any]) -> "Container":
        """The container tells a chat from a text by the body. Raises Refused."""
        path = next((path for name, path in PATHS.items() if name in body), "")
        if not path:
            raise ModelError(400, json.dumps({"message": "neither messages nor a prompt", "type": "BadRequestError"}))
        return cls(url, {"model": endpoint, **body}, path)

    def refused(self, status: int, text: str) -> Refused:
        return ModelError(status, text)


def parts(source: Source, encoded: Any) -> Iterator[bytes]:
    """What the container sends as it comes, each line in two parts."""
    headers = {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}
    try:
        for line in source.lines():
            for piece in (line[: len(line) // 2], line[len(line) // 2 :]):
                if piece:
                    yield encoded(headers, piece)
    except Broken:
        named = {":message-type": "exception", ":exception-type": "ModelStreamError"}
        said = json.dumps({"Message": "The connection was reset.", "ErrorCode": "StreamBroken"})
        yield encoded({**named, ":content-type": "application/json"}, said.encode())
