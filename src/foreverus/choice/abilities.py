"""What a backend cannot do of what is asked. Pure.

One rule for a line of a batch, a chat and an OpenAI request: what Bedrock has no word for goes to our GPU. Behind a
SageMaker endpoint is the engine that our GPU has: it is able to do the same, but for images. These are seen by a model
of their own on Bedrock, where the deployment has one (`BedrockNow.sees`), and by the GPU's where that sees.
"""

from dataclasses import dataclass, field

from foreverus.backends.converse import refusal_of, unsupported
from foreverus.backends.live_parameters import not_on_gpu
from foreverus.backends.port import BackendName, Prompt
from foreverus.backends.sights import ModelSight

WORDS = {
    BackendName.GPU: "the GPU",
    BackendName.BEDROCK: "Bedrock",
    BackendName.SAGEMAKER: "SageMaker",
}
OTHER = {BackendName.GPU: BackendName.BEDROCK, BackendName.BEDROCK: BackendName.GPU}
TOO_LONG, UNSUPPORTED, BLIND = "context_length_exceeded", "unsupported_parameter", "images_not_seen"
IMAGES = "images"  # a message's field of the API; OpenAI's has them in its messages


@dataclass(frozen=True, slots=True)
class Inability:
    """`param`: what it is about, by OpenAI's name. `message`: a sentence for people. `code`: for programs."""

    param: str
    message: str
    code: str = UNSUPPORTED


@dataclass(frozen=True, slots=True)
class PromptLength:
    """`context_tokens`: what a backend holds of prompt and answer together."""

    context_tokens: int
    least_prompt_tokens: int = field(default=0)  # no text of the request's has fewer (backends/tokens.py)


def cannot(
    backend: BackendName, prompt: Prompt, limits: PromptLength | None = None, sight: ModelSight | None = None
) -> Inability | None:
    """Why a backend cannot answer this; None where it can. `limits` None: its length was looked at before. `sight`: the
    GPU's model's.

    >>> cannot(BackendName.BEDROCK, Prompt((), temperature=1.5)).param
    'temperature'
    >>> cannot(BackendName.GPU, Prompt((), temperature=1.5)) is None
    True
    """
    sees = sight if backend is BackendName.GPU else None
    least = (limits.least_prompt_tokens if limits else 0) + (sees.all_tokens(prompt.images) if sees else 0)
    if limits and least >= limits.context_tokens:
        said = f"The prompt has at least {least:,} tokens{' with its images' if sees and prompt.images else ''}"
        said = f"{said}; {WORDS[backend]} holds"
        return Inability("messages", f"{said} {limits.context_tokens:,}, with the answer. Shorten it.", TOO_LONG)
    if backend is BackendName.BEDROCK:
        name = unsupported(prompt)
        return Inability(name, refusal_of(name, prompt)) if name else None
    if prompt.images and not sees:
        return Inability(IMAGES, f"The model on {WORDS[backend]} sees no images.", BLIND)
    name = not_on_gpu(prompt.options)
    whose = "SageMaker's" if backend is BackendName.SAGEMAKER else "The GPU's"
    return Inability(name, f"{whose} engine has no {name}: leave it out.") if name else None


def neither(lacks: Inability, other: Inability | None) -> Inability:
    """What is said where no backend can: who sees an image, and cannot do the rest of what is asked, is spoken of too.

    >>> gpu = Inability(IMAGES, "The GPU sees no images.", BLIND)
    >>> neither(gpu, Inability("response_format", "Bedrock has no response_format: choose backend `gpu`.")).message
    "The GPU sees no images. Who sees them cannot do what 'response_format' asks: leave one of the two out."
    """
    blind, unable = (lacks, other) if lacks.code == BLIND else (other, lacks)
    if blind is None or unable is None or blind.code != BLIND or unable.code != UNSUPPORTED:
        return lacks
    said = f"{blind.message} Who sees them cannot do what '{unable.param}' asks: leave one of the two out."
    return Inability(blind.param, said, BLIND)
