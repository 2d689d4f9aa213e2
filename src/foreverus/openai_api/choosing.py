"""Which backend answers a request that keeps nothing: what is read for it, and the pure choice's answer."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

from foreverus.access.preferences import Preferences
from foreverus.access.records import Caller
from foreverus.backends.port import BackendName
from foreverus.backends.tokens import BEDROCK_CONTEXT_TOKENS, least_tokens, texts_of
from foreverus.choice.abilities import IMAGES, Inability, PromptLength, cannot, neither
from foreverus.choice.request import BLIND_BEDROCK
from foreverus.choice.request_records import Asked, BedrockNow, GpuNow, GpuStatus, Preference, RequestChoice, preferred
from foreverus.choice.sagemaker import SageMakerNow, beside, by_name
from foreverus.costs.reservations import Month
from foreverus.errors import InvalidRequest, RequestRejected, SpendCapReached
from foreverus.openai_api.records import ChosenBackend, CompletionRequest
from foreverus.openai_api.requests import Served
from foreverus.openai_api.settling import estimated
from foreverus.sessions.gpu_state import GpuState

GPU, BEDROCK, SAGEMAKER = BackendName.GPU, BackendName.BEDROCK, BackendName.SAGEMAKER
# By OpenAI's names.
_PARAMS = {"backend": "model", IMAGES: "messages"}
LOOKS = 8  # threads: requests of one process come in one after the other
NOT_LOOKED_AT = GpuState(slots=0, waiting=0, is_booting=False, boot_seconds=0.0)


class Now(Protocol):
    @property
    def state(self) -> GpuState: ...
    @property
    def gpu(self) -> GpuNow: ...
    @property
    def bedrock(self) -> BedrockNow: ...
    @property
    def month(self) -> Month: ...
    @property
    def whole_month(self) -> Callable[[], Month]: ...
    def choose(self, asked: Asked) -> RequestChoice: ...


@dataclass(frozen=True, kw_only=True)
class RequestChooser:
    """`has_bedrock`: whether the stack was deployed with it. `gpus`: how the GPUs are just now; `now`: how both
    backends are, the GPUs being so. `preferences`: a person's. `stack`: what the deployment is set to. `gpus`, `now`
    and `preferences` read the table; who asks for another backend by name has no GPU looked at. `sagemaker`: how its
    endpoint is just now; None: the deployment names none."""

    served: Served
    context_tokens: int
    has_bedrock: bool
    gpus: Callable[[], GpuState]
    now: Callable[[GpuState], Now]
    preferences: Callable[[str], Preferences]
    stack: BackendName
    sagemaker: Callable[[], SageMakerNow] | None = None

    def __call__(self, request: CompletionRequest, caller: Caller) -> ChosenBackend:
        """Raises what the choice refuses: InvalidRequest that names the parameter and the model's name that could, or
        a refusal for want of money."""
        if request.backend in (BEDROCK, SAGEMAKER):
            return self._chosen(request, self._checked(request, caller), lambda: NOT_LOOKED_AT)
        looking = _beside().submit(self.gpus)  # a round trip or two each
        try:
            return self._chosen(request, self._checked(request, caller), looking.result)
        finally:
            wait([looking])  # nothing goes on in a process that may be frozen

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
            between = None if preference.backend is SAGEMAKER else now.choose(asked)
            chosen = self._with_sagemaker(now, asked, between).chosen
            return ChosenBackend(chosen, now.state, self._spare(now, asked, between, chosen))
        except RequestRejected as err:
            err.param = _PARAMS.get(err.param or "", err.param)
            raise

    def _with_sagemaker(self, now: Now, asked: Asked, between: RequestChoice | None) -> RequestChoice:
        """`between`: of the GPU and Bedrock; None: SageMaker is asked for by its name."""
        if self.sagemaker is None:
            assert between is not None, "nobody can name it"
            return between
        there = self.sagemaker()
        if between is not None:
            return beside(between, asked, now.gpu, now.bedrock, there, now.month)
        choice = by_name(asked, there, now.month)
        return by_name(asked, there, now.whole_month()) if isinstance(choice.error, SpendCapReached) else choice

    def _spare(self, now: Now, asked: Asked, between: RequestChoice | None, chosen: BackendName) -> BackendName | None:
        """Of a request that names no backend. Beside SageMaker the one that would have been taken without it, but not
        where both would begin to start for it; beside a GPU Bedrock, where it could be that."""
        if asked.preference.backend is not BackendName.AUTO or chosen is BEDROCK:
            return None
        if chosen is SAGEMAKER:
            assert self.sagemaker is not None and between is not None
            return None if self.sagemaker().starts_for_s else between.backend
        instead = replace(asked, preference=asked.preference._replace(backend=BEDROCK))
        return BEDROCK if now.choose(instead).error is None else None

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

    def _here(self, request: CompletionRequest) -> list[BackendName]:
        """What the stack was deployed with."""
        shown = bool(request.prompt.images) and bool(self.served.sees)  # by a model of its own
        has = {BEDROCK: self.has_bedrock or shown, SAGEMAKER: self.sagemaker is not None}
        return [GPU, *(one for one, is_here in has.items() if is_here)]

    def _lacks(self, request: CompletionRequest, backend: BackendName) -> bool:
        if backend not in self._here(request):
            return True
        return self._cannot(request, backend) is not None

    def _cannot(self, request: CompletionRequest, backend: BackendName) -> Inability | None:
        if backend is BEDROCK and request.prompt.images and not self.served.sees:
            return BLIND_BEDROCK
        context = BEDROCK_CONTEXT_TOKENS if backend is BEDROCK else self.context_tokens
        gpu = self.served.gpu_sees
        return cannot(backend, request.prompt, PromptLength(context, _least(request)), gpu.sight if gpu else None)

    def _check(self, request: CompletionRequest, wanted: BackendName) -> None:
        """What the wanted backend, or none, is able to do: said with the names that clients ask by."""
        if wanted not in (BackendName.AUTO, *self._here(request)):
            raise self.served.unknown(self.served.named(wanted))
        if wanted is not BackendName.AUTO and self._cannot(request, wanted) is None:
            return
        able = [one for one in self._here(request) if not self._lacks(request, one)]
        if wanted is BackendName.AUTO and able:
            return
        lack = self._cannot(request, GPU if wanted is BackendName.AUTO else wanted)
        assert lack is not None
        if not able:
            lack = neither(lack, self._cannot(request, BEDROCK if wanted is not BEDROCK else GPU))
        instead = f" The model {self.served.named(able[0])} can." if able else ""
        raise InvalidRequest(lack.message + instead, param=_PARAMS.get(lack.param, lack.param), code=lack.code)


def shown_to_gpu(request: CompletionRequest, served: Served, context_tokens: int, gpus: Callable[[], GpuState]) -> bool:
    """Whether a request's images go to the GPU instead of being read: where it sees, and somebody names it, or it is on
    with a free slot and room for them."""
    if served.gpu_sees is None or request.backend not in (GPU, BackendName.AUTO):
        return False
    if request.backend is GPU:
        return True
    fits = served.gpu_sees.sight.all_tokens(request.prompt.images) + _least(request) < context_tokens
    return fits and gpus().status is GpuStatus.HEALTHY


@cache
def _beside() -> ThreadPoolExecutor:
    """They stay: making one takes as long as all that a choice reckons."""
    return ThreadPoolExecutor(LOOKS, "gpus")


def _no_order(preference: Preference) -> Preference:
    """Who prefers a backend that cannot do this gets another one: a preference is no order."""
    return preference._replace(backend=BackendName.AUTO)


def _least(request: CompletionRequest) -> int:
    return sum(map(least_tokens, texts_of(request.prompt)))
