"""Which backend answers a request that keeps nothing: what is read for it, and the pure choice's answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from foreverus.access.preferences import Preferences
from foreverus.access.records import Caller
from foreverus.backends.port import BackendName
from foreverus.backends.tokens import least_tokens, texts_of
from foreverus.choice.abilities import PromptLength, cannot
from foreverus.choice.request_records import Asked, Preference, RequestChoice, preferred
from foreverus.errors import InvalidRequest, RequestRejected
from foreverus.openai_api.paid import estimated
from foreverus.openai_api.records import CompletionRequest
from foreverus.openai_api.requests import Served

GPU, BEDROCK = BackendName.GPU, BackendName.BEDROCK


class Now(Protocol):
    def choose(self, asked: Asked) -> RequestChoice: ...


@dataclass(frozen=True, kw_only=True)
class RequestChooser:
    """`has_bedrock`: whether the stack was deployed with it. `now`: how both backends are just now. `preferences`: a
    person's. `stack`: what the deployment is set to. `now` and `preferences` read the table."""

    served: Served
    context_tokens: int
    has_bedrock: bool
    now: Callable[[], Now]
    preferences: Callable[[str], Preferences]
    stack: BackendName

    def __call__(self, request: CompletionRequest, caller: Caller) -> BackendName:
        """Raises what the choice refuses: InvalidRequest that names the parameter and the model's name that could, or
        a refusal for want of money."""
        preference = self._preference(request, caller)
        self._check(request, preference.backend)
        asked = Asked(
            prompt=request.prompt,
            preference=preference,
            prompt_tokens=estimated(request.prompt, 0).prompt_tokens,
            least_prompt_tokens=_least(request),
            streaming=request.streams,
        )
        try:
            return self.now().choose(asked).chosen
        except RequestRejected as err:
            err.param = "model" if err.param == "backend" else err.param
            raise

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
        return cannot(backend, request.prompt, PromptLength(self.context_tokens, _least(request))) is not None

    def _check(self, request: CompletionRequest, wanted: BackendName) -> None:
        """What the wanted backend, or none, is able to do: said with the names that clients ask by."""
        if wanted is BEDROCK and not self.has_bedrock:
            raise self.served.unknown(self.served.named(BEDROCK))
        here = [GPU, BEDROCK] if self.has_bedrock else [GPU]
        able = [one for one in here if not self._lacks(request, one)]
        if (wanted in able) or (wanted is BackendName.AUTO and able):
            return
        length = PromptLength(self.context_tokens, _least(request))
        lack = cannot(GPU if wanted is BackendName.AUTO else wanted, request.prompt, length)
        assert lack is not None
        instead = f" The model {self.served.named(able[0])} can." if able else ""
        raise InvalidRequest(lack.message + instead, param=lack.param, code=lack.code)


def _no_order(preference: Preference) -> Preference:
    """Who prefers a backend that cannot do this gets another one: a preference is no order."""
    return preference._replace(backend=BackendName.AUTO)


def _least(request: CompletionRequest) -> int:
    return sum(map(least_tokens, texts_of(request.prompt)))
