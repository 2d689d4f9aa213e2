"""When a SageMaker endpoint answers a request of OpenAI's API: a pure choice beside that of the GPU and Bedrock.

It is paid by its instance's seconds (costs/endpoint.py): a request to one that is at rest costs the start, the answer
and the idle time after it, one beside others next to nothing. So by `auto` it answers where that is less than what the
chosen backend takes, or where neither of the two is to be had; by its name, where it can do what is asked and the month
pays for it. The name is given by a request alone: chats and batches do not know it (docs/decisions/0053).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from foreverus.backends.port import BackendName
from foreverus.choice.abilities import Inability, PromptLength, cannot
from foreverus.choice.assumed import GPU_FIRST_WORD_S, PUBLISHED_ALONE_TOKENS_PER_SECOND
from foreverus.choice.records import Number, span
from foreverus.choice.request_records import Asked, BedrockNow, ChoiceReason, GpuNow, GpuStatus, RequestChoice, Told
from foreverus.choice.request_sums import Sums, beside_what_runs, on_bedrock, on_gpu, work_of
from foreverus.costs.endpoint import EndpointRate, UpTime, added_seconds, answered, most_seconds
from foreverus.costs.money import at_most
from foreverus.costs.reservations import Month, refusal
from foreverus.errors import InvalidRequest, RequestRejected

SAGEMAKER = BackendName.SAGEMAKER


@dataclass(frozen=True, kw_only=True)
class SageMakerNow:
    """`up`: as its calls have left it; None: none was made yet. `call_seconds`: the longest that one may take."""

    rate: EndpointRate
    up: UpTime | None
    now: datetime
    context_tokens: int
    call_seconds: float

    @property
    def starts_for_s(self) -> float:
        """Until a copy answers; of one at rest, as long as a start takes."""
        if self.up is None or self.now >= self.up.until:
            return self.rate.start_seconds
        return self.up.starts_for(self.now)

    @property
    def most_usd(self) -> float:
        """What a call may cost, whatever it finds."""
        return self.rate.usd(most_seconds(self.up, self.now, self.call_seconds, self.rate))

    def lacks(self, asked: Asked) -> Inability | None:
        return cannot(SAGEMAKER, asked.prompt, PromptLength(self.context_tokens, asked.least_prompt_tokens))


def on_sagemaker(asked: Asked, there: SageMakerNow) -> Sums:
    """US$ are what it adds: a start and the idle time where it is at rest, else by how much it moves the release."""
    first_word = there.starts_for_s + GPU_FIRST_WORD_S
    whole = first_word + work_of(asked).completion_tokens / PUBLISHED_ALONE_TOKENS_PER_SECOND
    after = answered(there.up, there.now, there.now + timedelta(seconds=whole), there.rate)
    usd = there.rate.usd(added_seconds(there.up, after, there.now))
    return Sums(usd, first_word if asked.streaming else whole, whole)


def by_name(asked: Asked, there: SageMakerNow, month: Month) -> RequestChoice:
    """For who names it."""
    error = _why_not(asked, there, month)
    if error:
        return _choice(None, ChoiceReason.REFUSED, error.message, _numbers(asked, there), error)
    return _choice(SAGEMAKER, ChoiceReason.AS_ASKED, "This request asks for SageMaker.", _numbers(asked, there))


def beside(
    choice: RequestChoice, asked: Asked, gpu: GpuNow, bedrock: BedrockNow, there: SageMakerNow, month: Month
) -> RequestChoice:
    """What `auto` takes in the end; `choice`: between the GPU and Bedrock. A refusal stays where SageMaker is not to be
    had either."""
    if asked.preference.backend is not BackendName.AUTO or _why_not(asked, there, month):
        return choice
    here, numbers = on_sagemaker(asked, there).usd, {**choice.numbers, **_numbers(asked, there)}
    if choice.error:
        text = f"{choice.error.message} SageMaker answers." + _start(there)
        return _choice(SAGEMAKER, ChoiceReason.SAGEMAKER_ALONE, text, numbers)
    if here < _usd_of(choice, asked, gpu, bedrock):
        text = "One more answer costs less on SageMaker just now." + _start(there)
        return _choice(SAGEMAKER, ChoiceReason.SAGEMAKER_CHEAPER, text, numbers)
    return _choice(choice.chosen, choice.reason, choice.text, numbers)


def _usd_of(choice: RequestChoice, asked: Asked, gpu: GpuNow, bedrock: BedrockNow) -> float:
    if choice.backend is BackendName.BEDROCK:
        return on_bedrock(asked, bedrock).usd
    return on_gpu(asked, gpu).usd if gpu.status is GpuStatus.NONE else beside_what_runs(asked, gpu)


def _why_not(asked: Asked, there: SageMakerNow, month: Month) -> RequestRejected | None:
    if lacks := there.lacks(asked):
        return InvalidRequest(lacks.message, param=lacks.param, code=lacks.code)
    most = at_most(there.most_usd)
    return refusal(month, most) if month.left < most else None


def _start(there: SageMakerNow) -> str:
    return f" A copy answers in about {span(there.starts_for_s)}." if there.starts_for_s else ""


def _numbers(asked: Asked, there: SageMakerNow) -> dict[str, Number]:
    sums = on_sagemaker(asked, there)
    return {
        "sagemaker_starts_for_seconds": round(there.starts_for_s),
        "sagemaker_start_seconds": round(there.rate.start_seconds),
        "sagemaker_idle_seconds": round(there.rate.idle_seconds),
        "sagemaker_usd_per_hour": there.rate.usd_per_hour,
        "sagemaker_usd": round(sums.usd, 8),
        "sagemaker_first_word_seconds": round(sums.first_word_s, 1),
        "sagemaker_seconds": round(sums.whole_s, 1),
    }


def _choice(
    backend: BackendName | None,
    reason: ChoiceReason,
    text: str,
    numbers: dict[str, Number],
    error: RequestRejected | None = None,
) -> RequestChoice:
    return RequestChoice(backend=backend, reason=reason, tell=lambda: Told(text, numbers), error=error)
