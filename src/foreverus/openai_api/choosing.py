"""Which backend answers a request: the one that its model's name says, else the one that can. Pure."""

from dataclasses import dataclass

from foreverus.access.records import Caller
from foreverus.backends.port import BackendName
from foreverus.backends.tokens import least_tokens, texts_of
from foreverus.choice.abilities import PromptLength, cannot
from foreverus.errors import InvalidRequest, NotFound
from foreverus.openai_api.records import CompletionRequest
from foreverus.openai_api.requests import Served

GPU, BEDROCK = BackendName.GPU, BackendName.BEDROCK


@dataclass(frozen=True)
class ByAbility:
    """`has_bedrock`: whether the stack was deployed with it."""

    served: Served
    context_tokens: int
    has_bedrock: bool

    def __call__(self, request: CompletionRequest, caller: Caller) -> BackendName:
        """Raises InvalidRequest that names the parameter and the model's name that could."""
        length = PromptLength(self.context_tokens, sum(map(least_tokens, texts_of(request.prompt))))
        lacks = {backend: cannot(backend, request.prompt, length) for backend in (GPU, BEDROCK)}
        if request.backend is BEDROCK and not self.has_bedrock:
            message = f"This deployment has no Bedrock: ask for the model {self.served.named(GPU)}."
            raise NotFound(message, param="model", code="model_not_found")
        able = [one for one in (BEDROCK, GPU) if not lacks[one] and (self.has_bedrock or one is GPU)]
        best = able[0] if able else GPU
        wanted = best if request.backend is BackendName.AUTO else request.backend
        if lack := lacks[wanted]:
            others = [self.served.named(one) for one in able if one is not wanted]
            instead = f" The model {others[0]} can." if others else ""
            raise InvalidRequest(lack.message + instead, param=lack.param, code=lack.code)
        return wanted
