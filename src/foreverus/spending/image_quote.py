"""What images add to a quote: seen by a model of their own or by the GPU's, or read by our own container. Pure."""

from dataclasses import dataclass, replace

from foreverus.abilities.read_image.port import READ_TOKENS, Sight
from foreverus.backends.images import LEAST_PIXELS, ImageKind, PromptImage, image_tokens
from foreverus.backends.sights import ModelSight
from foreverus.choice.assumed import READ_IN_ONES_TIME
from foreverus.costs.assumptions import Assumption, Measure, Range
from foreverus.costs.containers import TASK, run_usd, task_usd
from foreverus.costs.prices import TokenPrice
from foreverus.costs.quote import BackendQuote

SIDE = round(LEAST_PIXELS**0.5)
SEES_NONE = "The GPU's model sees no images."
# Amazon's figures of Nova (backends/images.py): 900 x 450 pixels, 900 x 900; and as many pixels as one may have.
SEEN = Range(800, 1300, image_tokens(4000, 4000))
SEEN_SOURCE = "published of Amazon Nova: some 1,300 for 900 x 900 pixels, at most what is set aside for the largest one"
READ = Range(20, READ_TOKENS, 2000)
READ_SOURCE = "estimated: the text in an image, from a sign to a full page"
UP_S = Range(0, 240, 600)  # boots, reads, idles; nothing where it is on already
CONTAINER_SOURCE = "estimated: our own container is on for four minutes, on Spot, and nothing where it is on already"


# Of what is set aside, a token for 400 pixels: Amazon's figures are 700 to 500 pixels a token.
SET_ASIDE = Range(4 / 7, 4 / 6, 1)
SEEN_IN_LINES = "read from the images' sizes: 700 to 400 pixels are a token of Amazon Nova's, 600 are expected"
READ_S = Range(1, 3, 7)  # of one image
GPU_SOURCE = "vLLM's own sum for the GPU's model, at most (backends/sights.py)"
GPU_TIME = Range(0.5, 1.0, 2.0)  # reckoned from what the processors do (choice/assumed.py)
LINES_SOURCE = "estimated: our own container boots, idles and reads each image in 3 s, on Spot"


@dataclass(frozen=True, slots=True)
class LineImages:
    """Those of a batch's lines. `line`: the first one that shows some. `tokens`: what they are reckoned with in the
    batch's reservation. `of_prompt`, `of_completion`: which part of the batch's tokens the model takes that sees, 0 to
    1. `by`: how they are taken in on Bedrock; None: not at all. `gpu_tokens`: what they are of a GPU's context; None:
    its model is not shown them."""

    line: int
    count: int
    tokens: float
    of_prompt: float
    of_completion: float
    by: Sight | None
    gpu_tokens: float | None = None

    @property
    def added(self) -> Assumption:
        """To what is read, on Bedrock where somebody takes them in there."""
        if self.by is Sight.SEEN:
            return Assumption("image_tokens", SET_ASIDE.times(self.tokens), Measure.TOKENS, SEEN_IN_LINES)
        if self.by is None:
            return Assumption("image_tokens", Range.of(self.tokens), Measure.TOKENS, GPU_SOURCE)
        return Assumption("image_tokens", READ.times(self.count), Measure.TOKENS, READ_SOURCE)

    @property
    def on_gpu(self) -> Assumption | None:
        """As much of its time as so many written tokens."""
        if not self.gpu_tokens:
            return None
        time = GPU_TIME.times(self.gpu_tokens / READ_IN_ONES_TIME)
        source = f"{GPU_SOURCE}, {self.gpu_tokens:,.0f}; {READ_IN_ONES_TIME:g} are reckoned as one that is written"
        return Assumption("gpu_image_tokens", time, Measure.TOKENS, source)

    @property
    def container(self) -> Assumption | None:
        if self.by is not Sight.READ:
            return None
        seconds = UP_S + READ_S.times(self.count)
        spot = task_usd(TASK, "FARGATE_SPOT", seconds.expected)
        return Assumption("container_usd", Range(0.0, spot, run_usd(TASK, seconds.high)), Measure.USD, LINES_SOURCE)


@dataclass(frozen=True, slots=True)
class QuotedImages:
    """`count`: of each question. `price`: of the model on Bedrock that sees them; None: none there does. `reads`: our
    own container does, for who sees none. `gpu`: how the GPU's model sees them; None: it does not."""

    count: int
    price: TokenPrice | None
    reads: bool = False
    gpu: ModelSight | None = None

    @property
    def tokens(self) -> Assumption:
        """Of one question's."""
        each, source = (SEEN, SEEN_SOURCE) if self.price else (READ, READ_SOURCE)
        if self.gpu and not self.price and not self.reads:
            each = Range(1, self.gpu.tokens(SIDE, SIDE), self.gpu.tokens(4000, 4000))
            source = "vLLM's own sum for the GPU's model (backends/sights.py): 900 x 900 pixels, and the largest"
        return Assumption("image_tokens", each.times(self.count), Measure.TOKENS, source)

    @property
    def shown(self) -> tuple[PromptImage, ...]:
        """For the choice, which looks at how many there are and how large."""
        return (PromptImage(ImageKind.PNG, SIDE, SIDE, b""),) * self.count

    @property
    def container(self) -> Assumption:
        """Of all questions: they come while it is on."""
        spot = task_usd(TASK, "FARGATE_SPOT", UP_S.expected)
        return Assumption("container_usd", Range(0.0, spot, run_usd(TASK, UP_S.high)), Measure.USD, CONTAINER_SOURCE)


def with_container(quote: BackendQuote, container: Assumption) -> BackendQuote:
    return replace(quote, usd=quote.usd + container.value) if quote.usd else quote
