"""What the choice for one chat or OpenAI request is made from, and what it says. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from foreverus.backends.port import BackendName, Prompt
from foreverus.backends.sights import SeeingModel
from foreverus.choice.assumed import PUBLISHED_ALONE_TOKENS_PER_SECOND
from foreverus.choice.records import Bedrock, Gpu, Number
from foreverus.errors import RequestRejected


class AskedBy(StrEnum):
    """Who named the backend; the nearer one to the request wins."""

    MESSAGE = "message"
    CONVERSATION = "conversation"
    PERSON = "person"
    STACK = "stack"


class Preference(NamedTuple):
    backend: BackendName
    by: AskedBy


def preferred(
    message: BackendName | None,
    conversation: BackendName | None,
    person: BackendName | None,
    stack: BackendName,
) -> Preference:
    """The nearest one that names a backend; `auto` is a name too.

    >>> preferred(None, BackendName.GPU, BackendName.BEDROCK, BackendName.AUTO).backend.value
    'gpu'
    """
    named = ((message, AskedBy.MESSAGE), (conversation, AskedBy.CONVERSATION), (person, AskedBy.PERSON))
    return next((Preference(backend, by) for backend, by in named if backend), Preference(stack, AskedBy.STACK))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """`prompt`: what is asked, for its parameters; of a chat its history may be missing. `prompt_tokens`: of all of it,
    estimated; `least_prompt_tokens`: it has no fewer. `waits_on`: the backend that has an earlier message of the same
    conversation in hand. `images_read`: how many images stand in it as the text that was read in them."""

    prompt: Prompt
    preference: Preference
    prompt_tokens: int
    least_prompt_tokens: int = 0
    streaming: bool = True
    waits_on: BackendName | None = None
    images_read: int = 0


class GpuStatus(StrEnum):
    NONE = "none"
    BOOTING = "booting"
    HEALTHY = "healthy"  # with a free slot
    FULL = "full"


@dataclass(frozen=True, kw_only=True)
class GpuNow:
    """`gpu.live`: one is healthy; `gpu.boot_seconds` of a booting one: what is left of its boot. `in_work`: requests
    that wait for it or are being answered. `needs_usd`: what a new session must be able to reserve of the month.
    `may_be_bought`: False where nobody may buy one for this request, whatever the month has left. `sees`: its model,
    where that sees images."""

    gpu: Gpu
    slots: int  # of all GPUs that are live
    in_work: int = 0
    booting: bool = False
    context_tokens: int
    needs_usd: Decimal = Decimal(0)
    may_be_bought: bool = True
    alone_tokens_per_second: float = PUBLISHED_ALONE_TOKENS_PER_SECOND  # of one answer
    sees: SeeingModel | None = None

    @property
    def status(self) -> GpuStatus:
        if not self.gpu.live:
            return GpuStatus.BOOTING if self.booting else GpuStatus.NONE
        return GpuStatus.HEALTHY if self.in_work < self.slots else GpuStatus.FULL


@dataclass(frozen=True, kw_only=True)
class BedrockNow:
    """`bedrock.allowed`: the stack has it; `bedrock.tokens_per_second`: of one answer. `throttled_for_s`: more than 0
    where it has refused lately, for so long it is not asked again. `sees`: the model that is asked, where it is for its
    eyes."""

    bedrock: Bedrock
    context_tokens: int
    throttled_for_s: int = 0
    sees: str = ""


class ChoiceReason(StrEnum):
    """Why a request goes where it goes. `choice/words.py` has the sentences."""

    NOTHING_LIVE = "nothing_live"
    GPU_IS_ON = "gpu_is_on"
    GPU_BOOTS = "gpu_boots"  # the bridge: later turns go to the GPU
    GPU_IS_FULL = "gpu_is_full"
    AS_ASKED = "as_asked"
    ORDER = "order"  # after an earlier message of the same conversation
    NO_BEDROCK = "no_bedrock"  # the stack has none
    BEDROCK_CANNOT = "bedrock_cannot"
    BEDROCK_THROTTLED = "bedrock_throttled"
    BEDROCK_CAP = "bedrock_cap"  # the month has too little left for it
    GPU_CANNOT = "gpu_cannot"
    SEES_IMAGES = "sees_images"  # of the two one alone does
    CAP_NEAR = "cap_near"  # 80 % of the month's cap are spent: the cheaper way, though it is slower
    SAGEMAKER_CHEAPER = "sagemaker_cheaper"
    SAGEMAKER_ALONE = "sagemaker_alone"  # neither the GPU nor Bedrock is to be had for it
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptChoice:
    """What is kept of a choice with the question and its answer: for people who ask why."""

    backend: BackendName
    reason: str  # a ChoiceReason; of a newer version perhaps another word
    text: str
    numbers: Mapping[str, Number] = field(default_factory=dict)


class Told(NamedTuple):
    """`text`: one sentence for people. `numbers`: what was reckoned, ready for JSON: tokens, US$, seconds to the first
    word and to the last on each backend."""

    text: str
    numbers: Mapping[str, Number]


@dataclass(frozen=True, kw_only=True)
class RequestChoice:
    """`backend`: the GPU or Bedrock; None: refused with `error`. `tell`: asked where the choice is shown or kept, so
    not for a request that keeps nothing."""

    backend: BackendName | None
    reason: ChoiceReason
    tell: Callable[[], Told]
    error: RequestRejected | None = None

    @cached_property
    def told(self) -> Told:
        return self.tell()

    @property
    def text(self) -> str:
        return self.told.text

    @property
    def numbers(self) -> Mapping[str, Number]:
        return self.told.numbers

    @property
    def chosen(self) -> BackendName:
        """Raises the request's refusal."""
        if self.error:
            raise self.error
        assert self.backend is not None
        return self.backend

    @property
    def kept(self) -> KeptChoice:
        """Raises the request's refusal."""
        return KeptChoice(backend=self.chosen, reason=self.reason.value, text=self.text, numbers=self.numbers)
