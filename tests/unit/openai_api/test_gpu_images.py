"""Images in OpenAI's chat API where the GPU's own model sees them, by OpenAI's own client."""

from dataclasses import replace

import pytest
from openai import APIStatusError, BadRequestError, OpenAI

from foreverus.abilities.read_image.memory import MemoryReader, MemorySight
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.sights import SIGHTS, SeeingModel
from foreverus.errors import GpuFull
from foreverus.sessions.gpu_state import GpuState
from tests.unit.abilities.images import png
from tests.unit.openai_api.test_images import asking, url
from tests.unit.openai_api.world import MODEL, NOTHING_LIVE, World

SEEING = SeeingModel(MODEL, SIGHTS["qwen-vl"])
LIVE = GpuState(slots=8, waiting=0, is_booting=False, boot_seconds=0.0)


def test_gpu_that_is_on_and_sees_answers_by_its_name_and_costs_nothing_on_bedrock() -> None:
    world = World(sight=MemorySight(), gpu_sees=SEEING, gpus=LIVE)
    with world.serving() as address, OpenAI(base_url=address, api_key="user-1/key-1", max_retries=0) as client:
        whole = client.chat.completions.create(model=MODEL, messages=asking(url(png())))
        assert whole.model == f"{MODEL}@gpu"
        named = client.chat.completions.create(model=f"{MODEL}@bedrock", messages=asking(url(png())))
        assert named.model == "memory@bedrock", "the one that sees there"
        world.gpus = replace(LIVE, waiting=8)
        full = client.chat.completions.create(model=MODEL, messages=asking(url(png())))
        assert full.model == "memory@bedrock"
    assert isinstance(world.gpu, MemoryEngine) and len(world.gpu.prompts[0].images) == 1


def test_gpu_that_fills_up_meanwhile_is_spared_by_who_sees_and_by_nobody_else() -> None:
    gpu = MemoryEngine()
    for sight, outcome in ((MemorySight(), "memory@bedrock"), (None, "gpu_full")):
        world = World(sight=sight, gpu=gpu, gpu_sees=SEEING, gpus=LIVE)
        gpu.fail_next(GpuFull("All slots are taken.", 5))
        with world.serving() as address, OpenAI(base_url=address, api_key="user-1/key-1", max_retries=0) as client:
            if sight:
                assert client.chat.completions.create(model=MODEL, messages=asking(url(png()))).model == outcome
                continue
            with pytest.raises(APIStatusError) as refused:
                client.chat.completions.create(model=MODEL, messages=asking(url(png())))
        assert refused.value.status_code in (429, 503)
        assert isinstance(world.bedrock, MemoryEngine) and not world.bedrock.prompts, "it would see nothing"


def test_bedrock_that_sees_nothing_is_named_as_such() -> None:
    world = World(gpu_sees=SEEING, gpus=LIVE)
    with world.serving() as address, OpenAI(base_url=address, api_key="user-1/key-1", max_retries=0) as client:
        with pytest.raises(BadRequestError, match=f"The model {MODEL}@gpu can") as refused:
            client.chat.completions.create(model=f"{MODEL}@bedrock", messages=asking(url(png())))
        assert (refused.value.code, refused.value.param) == ("images_not_seen", "messages")


def test_images_go_to_the_container_only_where_no_gpu_that_is_on_sees_them() -> None:
    world = World(eyes=MemoryReader("ZEBRA"), gpu_sees=SEEING, gpus=LIVE)
    with world.serving() as address, OpenAI(base_url=address, api_key="user-1/key-1", max_retries=0) as client:
        assert client.chat.completions.create(model=MODEL, messages=asking(url(png()))).model == f"{MODEL}@gpu"
        assert isinstance(world.gpu, MemoryEngine) and world.gpu.prompts[0].images
        read = client.chat.completions.create(model=f"{MODEL}@bedrock", messages=asking(url(png())))
        assert read.model == f"{MODEL}@bedrock"
        world.gpus = NOTHING_LIVE
        client.chat.completions.create(model=MODEL, messages=asking(url(png())))
    assert isinstance(world.bedrock, MemoryEngine)
    assert all("> ZEBRA" in prompt.messages[0].content for prompt in world.bedrock.prompts[:1])
    assert world.eyes and len(world.eyes.asked) == 2
