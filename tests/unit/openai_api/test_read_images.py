"""Images in OpenAI's chat API where nobody sees them: their text is read, and whoever is there answers."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from openai import APIStatusError, BadRequestError, InternalServerError, OpenAI, RateLimitError

from foreverus.abilities.read_image.memory import MemoryReader
from foreverus.abilities.read_image.words import in_its_place
from foreverus.backends.memory import MemoryEngine
from foreverus.costs.usage.records import UsedService
from foreverus.errors import ContainerStarting, EngineFailed, PromptRejected, SpendCapReached
from foreverus.sessions.gpu_state import GpuState
from tests.unit.abilities.images import jpeg, png
from tests.unit.openai_api.test_images import asking, url
from tests.unit.openai_api.world import MANY, MODEL, MONTH, World


@pytest.fixture
def eyes() -> MemoryReader:
    return MemoryReader("The secret word is ZEBRA.", "")


@pytest.fixture
def world(eyes: MemoryReader) -> World:
    return World(eyes=eyes)


@pytest.fixture
def client(world: World) -> Iterator[OpenAI]:
    with world.serving() as address, OpenAI(base_url=address, api_key="user-1/key-1", max_retries=0) as made:
        yield made


def test_text_of_each_image_stands_in_its_place_and_bedrock_answers(client: OpenAI, world: World) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=asking(url(png()), url(jpeg())))
    assert whole.model == f"{MODEL}@bedrock", "the model that answers, and none that sees"
    assert isinstance(world.bedrock, MemoryEngine)
    (prompt,) = world.bedrock.prompts
    read = "\n\n".join((in_its_place("The secret word is ZEBRA."), in_its_place(""), "What is this?"))
    assert prompt.messages[0].content == read and not prompt.images


def test_gpu_that_is_on_answers_too(client: OpenAI, world: World) -> None:
    world.gpus = GpuState(slots=8, waiting=0, is_booting=False, boot_seconds=0.0)
    assert client.chat.completions.create(model=MODEL, messages=asking(url(png()))).model == f"{MODEL}@gpu"
    assert isinstance(world.gpu, MemoryEngine)
    assert "> The secret word is ZEBRA." in world.gpu.prompts[0].messages[0].content


def test_reading_is_counted_under_the_container_and_costs_nothing_beside_its_run(
    client: OpenAI, world: World, eyes: MemoryReader
) -> None:
    client.chat.completions.create(model=MODEL, messages=asking(url(png())))
    (parts,) = world.counts.usage.parts.values()
    assert {service for service, _ in parts} == {UsedService.CONTAINER, UsedService.BEDROCK}
    spent = world.purse.month(MONTH).spent
    client.chat.completions.create(model=MODEL, messages=asking())
    assert world.purse.month(MONTH).reservations == () and spent > Decimal(0)
    assert len(eyes.asked) == 1, "a request without images asks nobody to read"


@pytest.mark.parametrize(
    ("error", "refused", "code"),
    [
        (ContainerStarting("It is starting.", 30), InternalServerError, "container_starting"),
        (PromptRejected("The image is broken."), BadRequestError, "invalid_image"),
        (SpendCapReached("The month is spent."), APIStatusError, None),
        (EngineFailed("It died."), InternalServerError, None),
    ],
)
def test_who_cannot_be_read_gets_one_clear_error_and_nothing_stays_set_aside(
    client: OpenAI,
    world: World,
    eyes: MemoryReader,
    error: Exception,
    refused: type[APIStatusError],
    code: str | None,
) -> None:
    eyes.fail_next(error)
    with pytest.raises(refused) as caught:
        client.chat.completions.create(model=MODEL, messages=asking(url(png())))
    assert code is None or caught.value.code == code
    assert isinstance(world.bedrock, MemoryEngine) and not world.bedrock.prompts, "nobody answers without them"
    assert world.purse.month(MONTH).reservations == () and world.purse.month(MONTH).spent == 0
    if isinstance(error, ContainerStarting):
        assert caught.value.response.headers["Retry-After"] == "30" and caught.value.type == "model_loading"


def test_nobody_has_more_read_than_their_limit_lets_them_ask(eyes: MemoryReader) -> None:
    world = World(eyes=eyes, person=replace(MANY, per_minute=2))
    with world.serving() as address, OpenAI(base_url=address, api_key="user-1/key-1", max_retries=0) as client:
        client.chat.completions.create(model=MODEL, messages=asking(url(png())))  # a request, and its reading
        with pytest.raises(RateLimitError):
            client.chat.completions.create(model=MODEL, messages=asking(url(png())))
    assert len(eyes.asked) == 1
