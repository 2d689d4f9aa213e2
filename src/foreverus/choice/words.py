"""What people read of a choice: one plain sentence. Pure."""

from math import floor

from foreverus.backends.port import BackendName
from foreverus.choice.abilities import WORDS, Inability
from foreverus.choice.records import span
from foreverus.choice.request_records import Asked, AskedBy, BedrockNow, ChoiceReason, GpuNow, GpuStatus

WHO = {
    AskedBy.MESSAGE: "This message asks for",
    AskedBy.CONVERSATION: "This conversation is set to",
    AskedBy.PERSON: "Your preferences are set to",
    AskedBy.STACK: "This deployment is set to",
}

SEEN_BY = "{model} on {where} sees the images."
READ_ALONE = "Nobody sees the images: the text in them was read by our own container."


def sentence(reason: ChoiceReason, asked: Asked, gpu: GpuNow, bedrock: BedrockNow, lacks: Inability | None) -> str:
    """`lacks`: what one of the two cannot do of it, where that is the reason."""
    if reason is ChoiceReason.AS_ASKED:
        return asks_for(asked)
    if reason is ChoiceReason.ORDER and asked.waits_on:
        where = WORDS[asked.waits_on]
        return f"An earlier message of this conversation is still with {where}: this one follows it there."
    it, boot, pause = lacks.param if lacks else "this", span(gpu.gpu.boot_seconds), span(bedrock.throttled_for_s)
    said = {
        ChoiceReason.NOTHING_LIVE: "No GPU is on, and one answer costs less on Bedrock than starting one.",
        ChoiceReason.GPU_IS_ON: "A GPU is on and has a free slot: it is paid for anyway.",
        ChoiceReason.GPU_BOOTS: f"The GPU is still starting, for about {boot}: Bedrock answers until it is ready.",
        ChoiceReason.GPU_IS_FULL: f"The GPU's {gpu.slots} slots are all taken: Bedrock answers at once.",
        ChoiceReason.NO_BEDROCK: "This deployment answers on its GPU alone.",
        ChoiceReason.BEDROCK_CANNOT: f"Bedrock cannot do what is asked ({it}): the GPU answers.",
        ChoiceReason.BEDROCK_THROTTLED: f"Bedrock refused lately and is asked again in {pause}: the GPU answers.",
        ChoiceReason.BEDROCK_CAP: "The month has too little left for an answer on Bedrock: the GPU answers.",
        ChoiceReason.SEES_IMAGES: f"There are images to be seen: {bedrock.sees} on Bedrock sees them and answers.",
        ChoiceReason.GPU_CANNOT: f"The GPU cannot do what is asked ({it}): Bedrock answers.",
    }
    return said[reason]


def near_the_cap(backend: BackendName, gpu: GpuNow, percent: float) -> str:
    """Why the slower way is taken."""
    if backend is BackendName.BEDROCK:
        how = "Bedrock, so that the GPU, which has nothing else to do, can end"
    elif gpu.status is GpuStatus.BOOTING:
        how = f"the GPU, though it is still starting for about {span(gpu.gpu.boot_seconds)}"
    else:
        how = f"the GPU, though its {gpu.slots} slots are all taken and this has to wait"
    return f"{floor(percent)} % of the month's spend cap are spent, so the cheaper way answers: {how}."


def asks_for(asked: Asked) -> str:
    """Whose word it is that a backend was named, and which."""
    backend, by = asked.preference
    return f"{WHO[by]} {WORDS[backend]}."
