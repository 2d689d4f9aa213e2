"""The names under which clients ask for the model: without a backend, and with each. What each costs, and its state."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from foreverus.api.responses import Body
from foreverus.backends.port import BackendName
from foreverus.backends.tokens import BEDROCK_CONTEXT_TOKENS
from foreverus.choice.request_records import GpuStatus
from foreverus.costs.endpoint import UpTime
from foreverus.costs.prices import TokenPrice
from foreverus.errors import NotFound
from foreverus.openai_api.requests import Served

GPU_PRICE = "a GPU is paid by the hour: GET /usage says what a session costs"
ENDPOINT_PRICE = "an instance of SageMaker is paid by the hour while a copy is up, here US$ {:g}; at rest nothing"
STATES = {
    GpuStatus.NONE: "off",
    GpuStatus.BOOTING: "booting",
    GpuStatus.HEALTHY: "ready",
    GpuStatus.FULL: "full",
}


@dataclass(frozen=True, slots=True)
class EndpointState:
    """`up`: as its calls have left it."""

    up: UpTime | None
    now: datetime
    usd_per_hour: float

    @property
    def state(self) -> str:
        """In the GPU's words."""
        if self.up is None or self.now >= self.up.until:
            return STATES[GpuStatus.NONE]
        return STATES[GpuStatus.HEALTHY if self.up.is_ready(self.now) else GpuStatus.BOOTING]


@dataclass(frozen=True, kw_only=True)
class ModelList:
    """`bedrock`: its price, None where the stack has none. `gpu`: how the GPUs are just now; it reads the table, as
    `sagemaker` does: how its endpoint is. None: the stack names none."""

    served: Served
    context_tokens: int
    bedrock: TokenPrice | None
    gpu: Callable[[], GpuStatus]
    sagemaker: Callable[[], EndpointState] | None = None

    def list_models(self) -> Body:
        backends = self._backends()
        named = [self._model(self.served.named(BackendName(str(one["backend"]))), [one]) for one in backends]
        return {"object": "list", "data": [self._model(self.served.model_id, backends), *named]}

    def get(self, model: str) -> Body:
        """Raises NotFound."""
        backend = self.served.backend_of(model)
        backends = [one for one in self._backends() if backend is BackendName.AUTO or one["backend"] == backend.value]
        if not backends:
            raise self.served.unknown(model)
        return self._model(model, backends)

    def no_embeddings(self) -> Body:
        """Raises NotFound: clients ask for it by the same address as for chats."""
        message = (
            "There are no embeddings here: this deployment serves one model, which writes text. Take another provider "
            "for embeddings and leave its base_url as it is; chats and texts are at /chat/completions and /completions."
        )
        raise NotFound(message, code="no_embeddings")

    def _model(self, name: str, backends: list[Body]) -> Body:
        return {
            "id": name,
            "object": "model",
            "created": 0,  # OpenAI's field; nobody publishes when these weights became a model
            "owned_by": "foreverus",
            "context_window": min(self._context_of(one) for one in backends),
            "backends": backends,
        }

    def _context_of(self, backend: Body) -> int:
        return BEDROCK_CONTEXT_TOKENS if backend["backend"] == BackendName.BEDROCK.value else self.context_tokens

    def _backends(self) -> list[Body]:
        gpu = _backend(BackendName.GPU, STATES[self.gpu()], TokenPrice(None, None, GPU_PRICE))
        found = [gpu] if self.bedrock is None else [gpu, _backend(BackendName.BEDROCK, "ready", self.bedrock)]
        if self.sagemaker is not None:
            there = self.sagemaker()
            price = TokenPrice(None, None, ENDPOINT_PRICE.format(there.usd_per_hour))
            found.append(_backend(BackendName.SAGEMAKER, there.state, price))
        return found


def _backend(backend: BackendName, state: str, price: TokenPrice) -> Body:
    return {
        "backend": backend.value,
        "state": state,
        "usd_per_million_prompt_tokens": price.prompt,
        "usd_per_million_completion_tokens": price.completion,
        "price_source": price.source,
    }
