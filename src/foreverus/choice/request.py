"""Which backend answers one chat or one OpenAI request: a pure choice that comes with its arithmetic.

With nothing live a boot costs as much as some 100,000 tokens of Bedrock, and takes minutes: `auto` answers on Bedrock
at once and buys nothing. A GPU with a free slot is paid for anyway, so it answers. While one boots Bedrock answers (the
bridge), and when all slots are taken. From 80 % of the month's cap on the cheaper way is taken, even where it is
slower: the GPU that starts or is full is waited for, and one with nothing in hand is left alone, so that it ends. Where
Bedrock cannot, the GPU does, if one is on or may be bought. Who names a backend gets it, where it can do what is asked,
else a clear error that names the other one.

Images go by the same rules, between those of the two whose model sees them.

A conversation's messages are answered in their order: while one of them is with a backend, the next one goes there too.
"""

from functools import partial
from math import floor

from foreverus.backends.port import BackendName
from foreverus.choice.abilities import BLIND, IMAGES, OTHER, WORDS, Inability, PromptLength, cannot, neither
from foreverus.choice.request_records import (
    Asked,
    AskedBy,
    BedrockNow,
    ChoiceReason,
    GpuNow,
    GpuStatus,
    RequestChoice,
    Told,
)
from foreverus.choice.request_sums import beside_what_runs, most_bedrock_usd, numbers, on_bedrock
from foreverus.choice.words import READ_ALONE, SEEN_BY, asks_for, near_the_cap, sentence
from foreverus.costs.meter import NOTICE_PERCENT
from foreverus.costs.money import at_most
from foreverus.costs.reservations import Month, refusal
from foreverus.errors import Conflict, InvalidRequest, NotAccepted, RequestRejected, SpendCapReached
from foreverus.text import quoted, shortened

GPU, BEDROCK = BackendName.GPU, BackendName.BEDROCK
READER = "container"  # who has read the text in images
INSTEAD = {GPU: "choose backend 'gpu' or 'auto'", BEDROCK: "choose backend 'bedrock' or 'auto'"}
MOST_SHOWN = 60


def choose_for_request(asked: Asked, gpu: GpuNow, bedrock: BedrockNow, month: Month) -> RequestChoice:
    """The backend for it, or why there is none. `month`: what is spent, reserved and left."""
    return _Choosing(asked, gpu, bedrock, month).choice()


class _Choosing:
    """What is known of one request. `why_not_…` are the two backends' obstacles, None where there is none."""

    def __init__(self, asked: Asked, gpu: GpuNow, bedrock: BedrockNow, month: Month):
        self.asked, self.gpu, self.bedrock, self.month = asked, gpu, bedrock, month
        self.shows = bool(asked.prompt.images)
        there, here = (PromptLength(one.context_tokens, asked.least_prompt_tokens) for one in (gpu, bedrock))
        blind = self.shows and not bedrock.bedrock.allowed
        self.lacks = {
            GPU: cannot(GPU, asked.prompt, there, gpu.sees.sight if gpu.sees else None),
            BEDROCK: BLIND_BEDROCK if blind else cannot(BEDROCK, asked.prompt, here),
        }
        self.most_usd = at_most(most_bedrock_usd(asked, bedrock)) if bedrock.bedrock.allowed else at_most(0.0)

    def choice(self) -> RequestChoice:
        named, by = self.asked.preference
        if named not in (BackendName.AUTO, *OTHER):
            return self._refused(_not_here(named))
        if self.shows and not self.bedrock.bedrock.allowed and not self.gpu.sees:
            return self._refused(images_off())
        if self.asked.waits_on and (self.shows or self._is_here(self.asked.waits_on)):
            return self._in_order(self.asked.waits_on, named if by is AskedBy.MESSAGE else BackendName.AUTO)
        if named is not BackendName.AUTO:
            error = self._why_not(named)
            return self._refused(error) if error else self._chosen(named, ChoiceReason.AS_ASKED)
        return self._auto()

    def _in_order(self, backend: BackendName, named: BackendName) -> RequestChoice:
        """After the messages that wait. What these wait for answers this one too, or it has to wait itself."""
        lacks, still = self.lacks[backend], f"An earlier message of this conversation is still with {WORDS[backend]}"
        if named is OTHER[backend]:
            message = f"{still}: wait for its answer, then send this one to {WORDS[named]}."
            return self._refused(Conflict(message, param="backend", code="conversation_busy"))
        if lacks:
            if other := self.lacks[OTHER[backend]]:
                return self._refused(_unable(neither(lacks, other)))
            message = (
                f"{still}, which cannot do what is asked ({lacks.param}): wait for its answer, then send this one."
            )
            return self._refused(Conflict(message, param=lacks.param, code="conversation_busy"))
        error = self._why_no_money(backend)
        return self._refused(error) if error else self._chosen(backend, ChoiceReason.ORDER)

    def _auto(self) -> RequestChoice:
        status, no_bedrock, lacks = self.gpu.status, self._why_not_bedrock(), self.lacks[GPU]
        if lacks:
            if no_bedrock is None:
                alone = lacks.code == BLIND
                return self._chosen(BEDROCK, ChoiceReason.SEES_IMAGES if alone else ChoiceReason.GPU_CANNOT, lacks)
            in_the_way = self._why_not(BEDROCK) if self._has(BEDROCK) else None
            return self._refused(in_the_way or _unable(neither(lacks, self.lacks[BEDROCK])))
        if no_bedrock is None and (cheaper := self._cheaper_near_the_cap()):
            return self._chosen(cheaper, ChoiceReason.CAP_NEAR)
        if status is GpuStatus.HEALTHY:
            return self._chosen(GPU, ChoiceReason.GPU_IS_ON)
        if no_bedrock is None:
            because = {
                GpuStatus.NONE: ChoiceReason.NOTHING_LIVE,
                GpuStatus.BOOTING: ChoiceReason.GPU_BOOTS,
                GpuStatus.FULL: ChoiceReason.GPU_IS_FULL,
            }
            return self._chosen(BEDROCK, because[status])
        error = self._why_not(GPU)
        if error is None:
            return self._chosen(GPU, no_bedrock, self.lacks[BEDROCK])
        if no_bedrock is ChoiceReason.BEDROCK_THROTTLED:  # waiting helps, where no GPU is to be had
            return self._refused(self._why_not(BEDROCK))
        missing = self.lacks[BEDROCK]
        said = missing and (self.shows or self._is_here(BEDROCK))
        return self._refused(_needs_gpu(missing, error) if missing and said else error)

    def _cheaper_near_the_cap(self) -> BackendName | None:
        """The cheaper way, where that is not the one that is taken while the month has plenty. Without a GPU Bedrock
        is both."""
        status = self.gpu.status
        if self.month.spent_percent < NOTICE_PERCENT or status is GpuStatus.NONE:
            return None
        usual = GPU if status is GpuStatus.HEALTHY else BEDROCK
        there, here = beside_what_runs(self.asked, self.gpu), on_bedrock(self.asked, self.bedrock).usd
        cheaper = GPU if there <= here else BEDROCK
        return None if cheaper is usual else cheaper

    def _why_not_bedrock(self) -> ChoiceReason | None:
        """None: Bedrock is good for it."""
        if not self.bedrock.bedrock.allowed and not self.shows:
            return ChoiceReason.NO_BEDROCK
        if self.lacks[BEDROCK]:
            return ChoiceReason.BEDROCK_CANNOT
        if self.bedrock.throttled_for_s > 0:
            return ChoiceReason.BEDROCK_THROTTLED
        return ChoiceReason.BEDROCK_CAP if self._why_no_money(BEDROCK) else None

    def _why_not(self, backend: BackendName) -> RequestRejected | None:
        """What is said to somebody who wants this one and no other. None: it can be had."""
        if backend is BEDROCK and not self.bedrock.bedrock.allowed and not self.shows:
            return InvalidRequest(
                f"{asks_for(self.asked)} This deployment has no Bedrock (its BedrockModelId is empty): {INSTEAD[GPU]}.",
                param="backend",
                code="backend_unavailable",
            )
        if lacks := self.lacks[backend]:
            could = OTHER[backend] if self._has(OTHER[backend]) else None
            return _unable(neither(lacks, self.lacks[OTHER[backend]]), could)
        if backend is BEDROCK and self.bedrock.throttled_for_s > 0:
            return NotAccepted(
                f"Bedrock refused lately and is not asked again for {self.bedrock.throttled_for_s} s, so nothing was "
                f"kept. Send it again then, or {INSTEAD[GPU]}.",
                param="backend",
                code="backend_throttled",
                retry_after_s=self.bedrock.throttled_for_s,
            )
        return self._why_no_money(backend)

    def _is_here(self, backend: BackendName) -> bool:
        return backend is GPU or self.bedrock.bedrock.allowed

    def _has(self, backend: BackendName) -> bool:
        """Whether this deployment has it, and it could do what is asked."""
        return self._is_here(backend) and not self.lacks[backend]

    def _why_no_money(self, backend: BackendName) -> RequestRejected | None:
        """A GPU that is on, or starting, is joined; a new one has to be paid. None: it can be."""
        if backend is BEDROCK:
            return refusal(self.month, self.most_usd) if self.month.left < self.most_usd else None
        if self.gpu.status is not GpuStatus.NONE:
            return None
        if not self.gpu.may_be_bought:
            return NotAccepted(
                f"No GPU is on, and none may be bought for this. Start a session, or {INSTEAD[BEDROCK]}.",
                param="backend",
                code="no_gpu",
            )
        return refusal(self.month, self.gpu.needs_usd) if self.month.left < self.gpu.needs_usd else None

    def _chosen(self, backend: BackendName, reason: ChoiceReason, lacks: Inability | None = None) -> RequestChoice:
        return RequestChoice(backend=backend, reason=reason, tell=partial(self._told, backend, reason, lacks))

    def _told(self, backend: BackendName, reason: ChoiceReason, lacks: Inability | None) -> Told:
        if reason is ChoiceReason.CAP_NEAR:
            text = near_the_cap(backend, self.gpu, self.month.spent_percent)
        else:
            text = sentence(reason, self.asked, self.gpu, self.bedrock, lacks)
        if self.asked.images_read:
            text = f"{text} {READ_ALONE}"
        if (seen_by := self._seen_by(backend)) and reason is not ChoiceReason.SEES_IMAGES:
            text = f"{text} {SEEN_BY.format(model=seen_by, where=WORDS[backend])}"
        return Told(text, self._numbers(backend))

    def _seen_by(self, backend: BackendName) -> str:
        """Which model; empty where nothing is shown."""
        if not self.shows:
            return ""
        return self.bedrock.sees if backend is BEDROCK else self.gpu.sees.model_id if self.gpu.sees else ""

    def _refused(self, error: RequestRejected | None) -> RequestChoice:
        assert error is not None
        said = error.message
        return RequestChoice(
            backend=None, reason=ChoiceReason.REFUSED, tell=lambda: Told(said, self._numbers(None)), error=error
        )

    def _numbers(self, backend: BackendName | None) -> dict[str, int | float | bool | str]:
        found = numbers(self.asked, self.gpu, self.bedrock)
        if self.shows:
            found |= {"images": len(self.asked.prompt.images)}
        if backend and (seen_by := self._seen_by(backend)):
            found |= {"images_seen_by": seen_by}
        if self.asked.images_read:
            found |= {"images": self.asked.images_read, "images_read_by": READER}
        if self.month.spent_percent < NOTICE_PERCENT:
            return found
        more = 0.0 if self.gpu.status is GpuStatus.NONE else beside_what_runs(self.asked, self.gpu)
        return found | {"cap_percent": floor(self.month.spent_percent), "gpu_more_usd": round(more, 8)}


BLIND_BEDROCK = Inability(IMAGES, "No model on Bedrock sees images here: the parameter Images is not managed.", BLIND)


def images_off(param: str = IMAGES) -> InvalidRequest:
    message = "This deployment sees no images: its parameter Images is off. Send the message without them."
    return InvalidRequest(message, param=param, code="images_off")


def no_image(file_id: str, param: str) -> InvalidRequest:
    """The same of one that never was, is gone, is no image, or is somebody else's."""
    said = quoted(shortened(file_id, MOST_SHOWN))
    message = f"There is no image {said}: upload it first, as a file with purpose 'vision'. It goes after a day."
    return InvalidRequest(message, param=param, code="image_not_found")


def _not_here(backend: BackendName) -> InvalidRequest:
    message = f"{WORDS[backend]} answers requests of OpenAI's API alone: choose backend 'gpu' or 'bedrock'."
    return InvalidRequest(message, param="backend", code="backend_unavailable")


def _needs_gpu(lacks: Inability, error: RequestRejected) -> RequestRejected:
    """Bedrock cannot do it, and the GPU is not to be had: both are said."""
    message = f"{lacks.message} No GPU is on. {error.message}"
    if isinstance(error, SpendCapReached):
        return SpendCapReached(message)
    return NotAccepted(message, lacks.param, error.reason)


def _unable(lacks: Inability, other: BackendName | None = None) -> InvalidRequest:
    """It names the parameter, and the backend that could."""
    named = f" Backend '{other}' can." if other and f"`{other}`" not in lacks.message else ""
    return InvalidRequest(lacks.message + named, param=lacks.param, code=lacks.code)
