"""Which backend answers a request that keeps nothing: what is read for it, and the pure choice's answer."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from foreverus.access.preferences import Preferences
from foreverus.access.records import Caller
from foreverus.backends.port import BackendName
from foreverus.backends.tokens import BEDROCK_CONTEXT_TOKENS, least_tokens, texts_of
from foreverus.choice.abilities import Inability, PromptLength, cannot
from foreverus.choice.request_records import Asked, Preference, RequestChoice, preferred
from foreverus.errors import InvalidRequest, RequestRejected
from foreverus.openai_api.paid import estimated
from foreverus.openai_api.records import ChosenBackend, CompletionRequest
from foreverus.openai_api.requests import Served
from foreverus.sessions.gpu_state import GpuState

GPU, BEDROCK = BackendName.GPU, BackendName.BEDROCK
NOT_LOOKED_AT = GpuState(slots=0, waiting=0, is_booting=False, boot_seconds=0.0)


class Now(Protocol):
    @property
    def state(self) -> GpuState: ...
    def choose(self, asked: Asked) -> RequestChoice: ...


@dataclass(frozen=True, kw_only=True)
class RequestChooser:
    """`has_bedrock`: whether the stack was deployed with it. `gpus`: how the GPUs are just now; `now`: how both
    backends are, the GPUs being so. `preferences`: a person's. `stack`: what the deployment is set to. `gpus`, `now`
    and `preferences` read the table; who asks for Bedrock by name has no GPU looked at."""

    served: Served
    context_tokens: int
    has_bedrock: bool
    gpus: Callable[[], GpuState]
    now: Callable[[GpuState], Now]
    preferences: Callable[[str], Preferences]
    stack: BackendName

    def __call__(self, request: CompletionRequest, caller: Caller) -> ChosenBackend:
        """Raises what the choice refuses: InvalidRequest that names the parameter and the model's name that could, or
        a refusal for want of money."""
        if request.backend is BEDROCK:
            return self._chosen(request, self._checked(request, caller), lambda: NOT_LOOKED_AT)
        with ThreadPoolExecutor(1) as beside:  # a round trip or two each
            looking = beside.submit(self.gpus)
            return self._chosen(request, self._checked(request, caller), looking.result)

    def _chosen(
        self, request: CompletionRequest, preference: Preference, gpus: Callable[[], GpuState]
    ) -> ChosenBackend:
        asked = Asked(
            prompt=request.prompt,
            preference=preference,
            prompt_tokens=estimated(request.prompt, 0).prompt_tokens,
            least_prompt_tokens=_least(request),
            streaming=request.streams,
        )
        try:
            now = self.now(gpus())
            chosen = now.choose(asked).chosen
            return ChosenBackend(chosen, now.state, _spare(now, asked, chosen))
        except RequestRejected as err:
            err.param = "model" if err.param == "backend" else err.param
            raise

    def _checked(self, request: CompletionRequest, caller: Caller) -> Preference:
        preference = self._preference(request, caller)
        self._check(request, preference.backend)
        return preference

    def _preference(self, request: CompletionRequest, caller: Caller) -> Preference:
        """The model's plain name says nothing of a backend: then the person's preference counts, as in a chat, where
        that backend is able to do it."""
        named = None if request.backend is BackendName.AUTO else request.backend
        person = None if named else self.preferences(caller.user_id).backend
        found = preferred(named, None, person, self.stack)
        if named is None and found.backend is not BackendName.AUTO and self._lacks(request, found.backend):
            return _no_order(found)
        return found

    def _lacks(self, request: CompletionRequest, backend: BackendName) -> bool:
        if backend is BEDROCK and not self.has_bedrock:
            return True
        return self._cannot(request, backend) is not None

    def _cannot(self, request: CompletionRequest, backend: BackendName) -> Inability | None:
        context = BEDROCK_CONTEXT_TOKENS if backend is BEDROCK else self.context_tokens
        return cannot(backend, request.prompt, PromptLength(context, _least(request)))

    def _check(self, request: CompletionRequest, wanted: BackendName) -> None:
        """What the wanted backend, or none, is able to do: said with the names that clients ask by."""
        if wanted is BEDROCK and not self.has_bedrock:
            raise self.served.unknown(self.served.named(BEDROCK))
        here = [GPU, BEDROCK] if self.has_bedrock else [GPU]
        able = [one for one in here if not self._lacks(request, one)]
        if (wanted in able) or (wanted is BackendName.AUTO and able):
            return
        lack = self._cannot(request, GPU if wanted is BackendName.AUTO else wanted)
        assert lack is not None
        instead = f" The model {self.served.named(able[0])} can." if able else ""
        raise InvalidRequest(lack.message + instead, param=lack.param, code=lack.code)


def _spare(now: Now, asked: Asked, chosen: BackendName) -> BackendName | None:
    """Bedrock, where a GPU was chosen for want of a name, and it could have been Bedrock."""
    if asked.preference.backend is not BackendName.AUTO or chosen is not GPU:
        return None
    instead = replace(asked, preference=asked.preference._replace(backend=BEDROCK))
    return BEDROCK if now.choose(instead).error is None else None


def _no_order(preference: Preference) -> Preference:
    """Who prefers a backend that cannot do this gets another one: a preference is no order."""
    return preference._replace(backend=BackendName.AUTO)


def _least(request: CompletionRequest) -> int:
    return sum(map(least_tokens, texts_of(request.prompt)))
