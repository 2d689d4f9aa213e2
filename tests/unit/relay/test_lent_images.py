"""A request's images on their way to a GPU: as addresses, in an item of a few hundred bytes."""

import asyncio
from datetime import UTC, datetime

import pytest

from foreverus.abilities.read_image.checking import checked
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.backends.images import PromptImage
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Message, Prompt
from foreverus.errors import EngineFailed
from foreverus.relay.codec import MOST_KEPT_BYTES, packed_prompt, unpacked_prompt
from foreverus.relay.lent_images import LentImages
from tests.unit.abilities.images import jpeg, png

SENT = checked(png(3, 2))
KEPT = PromptImage(SENT.kind, 5, 7, b"", "files/ana/file_1")


def ask(engine: MemoryEngine, objects: MemoryObjects, streams: bool) -> None:
    lent = LentImages(engine, objects, "req_1")
    prompt = Prompt((Message("user", "What?", images=(SENT, KEPT)),))

    async def run() -> None:
        if not streams:
            await lent.complete(prompt)
            return
        async for _ in lent.stream(prompt):
            pass

    asyncio.run(run())


@pytest.mark.parametrize("streams", [True, False])
def test_gpu_gets_an_address_for_each_and_what_came_with_the_request_is_gone_after_it(streams: bool) -> None:
    there: list[dict[str, bytes]] = []
    objects = MemoryObjects(lambda: datetime.now(UTC))
    engine = MemoryEngine(lambda prompt: [there.append(dict(objects.held)) or "Hi"])
    ask(engine, objects, streams)
    assert there[0] == {"shown/req_1/0": SENT.data} and objects.held == {}
    first, second = engine.prompts[0].images
    assert "shown/req_1/0" in first.url and "files/ana/file_1" in second.url
    assert not first.data and not first.object_key and not second.object_key


def test_it_is_gone_where_the_gpu_fails_too() -> None:
    objects, engine = MemoryObjects(lambda: datetime.now(UTC)), MemoryEngine()
    engine.fail_next(EngineFailed("It died."))
    with pytest.raises(EngineFailed):
        ask(engine, objects, True)
    assert objects.held == {}


def test_addresses_come_to_the_worker_and_bytes_stay_behind() -> None:
    big = checked(jpeg(900, 900))
    lent = PromptImage(big.kind, big.width, big.height, b"x" * 2 * MOST_KEPT_BYTES, url="https://bucket/one?X-Amz=1")
    packed = packed_prompt(Prompt((Message("user", "What?", images=(lent,)), Message("assistant", "A"))))
    assert len(packed) < 1000
    (image,) = unpacked_prompt(packed).images
    assert (image.kind, image.width, image.height, image.url, image.data) == (big.kind, 900, 900, lent.url, b"")
