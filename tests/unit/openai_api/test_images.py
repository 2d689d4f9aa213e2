"""Images in OpenAI's chat API, by OpenAI's own client: who sees them answers, and no address is fetched."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from openai import APIStatusError, BadRequestError, OpenAI, RateLimitError

from foreverus.abilities.read_image.memory import MemorySight
from foreverus.costs.money import exact
from foreverus.errors import EngineBusy
from foreverus.sessions.gpu_state import GpuState
from tests.unit.abilities.images import gif, jpeg, png, png_that_claims
from tests.unit.openai_api.world import MODEL, MONTH, SIGHT_PRICE, World


def url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def asking(*urls: str, words: str = "What is this?") -> Any:
    shown = [{"type": "image_url", "image_url": {"url": one}} for one in urls]
    return [{"role": "user", "content": [{"type": "text", "text": words}, *shown]}]


@pytest.fixture
def world() -> World:
    return World(sight=MemorySight())


@pytest.fixture
def client(world: World) -> Iterator[OpenAI]:
    with world.serving() as address, OpenAI(base_url=address, api_key="user-1/key-1", max_retries=0) as made:
        yield made


def test_image_is_answered_by_who_sees_and_the_answer_says_by_whom(client: OpenAI, world: World) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=asking(url(png(3, 2)), url(jpeg(5, 7))))
    assert whole.choices[0].message.content == "I see: png 3x2. jpeg 5x7. "
    assert whole.model == "memory@bedrock"
    (prompt,) = world.sight.prompts if world.sight else ()
    assert prompt.messages[0].content == "What is this?", "its words are there as well"


def test_same_as_a_stream(client: OpenAI) -> None:
    stream = client.chat.completions.create(model=MODEL, messages=asking(url(png())), stream=True)
    chunks = list(stream)
    assert "".join(one.choices[0].delta.content or "" for one in chunks) == "I see: png 3x2. "
    assert {one.model for one in chunks} == {"memory@bedrock"}


def test_it_costs_what_who_sees_costs_and_is_counted_once(client: OpenAI, world: World) -> None:
    client.chat.completions.create(model=MODEL, messages=asking(url(png())))
    month = world.purse.month(MONTH)
    assert month.reservations == () and month.spent == exact(SIGHT_PRICE.guard_usd(3, 2)) > Decimal(0)


def test_each_image_is_set_aside_as_the_tokens_that_it_may_be(world: World) -> None:
    from foreverus.backends.parameters import CHAT
    from foreverus.openai_api.requests import read_body, read_request

    def most(*urls: str) -> Decimal:
        import json

        body = json.dumps({"model": MODEL, "max_tokens": 1, "messages": asking(*urls)}).encode()
        return world.seen.reservation(read_request(CHAT, read_body(CHAT, body), world.served, world.clock())).usd

    large = png_that_claims(4000, 4000)
    assert float(most(url(large)) - most(url(png()))) == pytest.approx((40_000 - 2_025) * 0.06 / 1e6, rel=1e-3)
    assert most(url(png()), url(png())) > most(url(png()))


def test_gpu_that_is_on_gets_no_image_and_who_names_it_is_told_who_could(client: OpenAI, world: World) -> None:
    world.gpus = GpuState(slots=8, waiting=0, is_booting=False, boot_seconds=0.0)
    whole = client.chat.completions.create(model=MODEL, messages=asking(url(png())))
    assert whole.model == "memory@bedrock"
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model=f"{MODEL}@gpu", messages=asking(url(png())))
    error: Any = caught.value.body
    assert (error["param"], error["code"]) == ("messages", "images_not_seen")
    assert f"The model {MODEL}@bedrock can." in error["message"]


@pytest.mark.parametrize("named", ["", "@gpu", "@bedrock"])
def test_image_with_what_bedrock_cannot_do_names_both(client: OpenAI, named: str) -> None:
    with pytest.raises(BadRequestError, match="Who sees them cannot do what 'response_format' asks") as caught:
        client.chat.completions.create(
            model=MODEL + named, messages=asking(url(png())), response_format={"type": "json_object"}
        )
    assert (caught.value.param, caught.value.code) == ("messages", "images_not_seen")


def test_stack_that_sees_nothing_says_so(client: OpenAI, world: World) -> None:
    world.answering = replace(world.answering, served=replace(world.served, sees=""))
    with (
        world.serving() as address,
        OpenAI(base_url=address, api_key="user-1/key-1", max_retries=0) as blind,
        pytest.raises(BadRequestError) as caught,
    ):
        blind.chat.completions.create(model=MODEL, messages=asking(url(png())))
    error: Any = caught.value.body
    assert (error["param"], error["code"]) == ("messages", "images_off") and "Images is off" in error["message"]


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/cat.png",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "s3://bucket/key",
        "data:image/png,raw",
        "file_abc",
        "",
    ],
)
def test_no_address_of_the_world_is_fetched(client: OpenAI, world: World, address: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=asking(address))
    error: Any = caught.value.body
    assert (error["param"], error["code"]) == ("messages[0].content[1].image_url.url", "image_not_fetched")
    assert "no address is fetched" in error["message"] and not (world.sight and world.sight.prompts)


@pytest.mark.parametrize(
    ("address", "code", "says"),
    [
        (url(b"%PDF-1.7"), "invalid_image", "is no image"),
        (url(gif(pictures=3), "image/gif"), "invalid_image", "moves"),
        (url(png_that_claims(20_000, 10_000)), "invalid_image", "20,000 x 10,000"),
        ("data:image/png;base64,%%%%", "invalid_field", "not base64"),
        ("data:image/png;base64,imagem-é", "invalid_field", "not base64"),
        ("data:image/png;base64,\u2028AAAA\U0001f600", "invalid_field", "not base64"),
        ("data:image/png;base64,", "invalid_image", "empty"),
    ],
)
def test_what_is_no_image_names_its_part_and_costs_nothing(
    client: OpenAI, world: World, address: str, code: str, says: str
) -> None:
    with pytest.raises(BadRequestError, match=says) as caught:
        client.chat.completions.create(model=MODEL, messages=asking(url(png()), address))
    error: Any = caught.value.body
    assert (error["param"], error["code"]) == ("messages[0].content[2].image_url.url", code)
    assert world.purse.month(MONTH).spent == 0


@pytest.mark.parametrize(
    ("part", "param", "code"),
    [
        ({"type": "text"}, "text", "missing_field"),
        ({"type": "text", "text": None}, "text", "missing_field"),
        ({"type": "text", "file": {"file_id": "file_1"}}, "text", "missing_field"),
        ({"type": "image_url", "text": "a"}, "image_url", "missing_field"),
        ({"type": "image_url", "image_url": None}, "image_url", "missing_field"),
        ({"type": "image_url", "image_url": {"url": None}}, "image_url.url", "missing_field"),
        ({"type": "file", "file": {"file_id": "f" * 3000}}, "file.file_id", "invalid_field"),
        ({"type": "file", "file": {"file_id": "é" * 1100}}, "file.file_id", "invalid_field"),
        ({"type": "file", "file": {}}, "file.file_id", "missing_field"),
    ],
)
def test_part_that_has_not_what_its_type_says_names_it(client: OpenAI, part: Any, param: str, code: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": [part]}])
    error: Any = caught.value.body
    assert (error["param"], error["code"]) == (f"messages[0].content[0].{param}", code)


def test_null_in_an_image_is_as_if_absent(client: OpenAI) -> None:
    image: Any = {"type": "image_url", "image_url": {"url": url(png(3, 2)), "detail": None}, "text": None}
    whole = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": [image]}])
    assert whole.choices[0].message.content == "I see: png 3x2. "


def test_more_than_a_message_or_a_request_may_have_are_refused(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="has 5 images; a message has at most 4"):
        client.chat.completions.create(model=MODEL, messages=asking(*[url(png())] * 5))
    many = [one for _ in range(6) for one in (*asking(*[url(png())] * 4), {"role": "assistant", "content": "Yes."})][
        :-1
    ]
    with pytest.raises(BadRequestError, match="has 24 images; a request has at most 20"):
        client.chat.completions.create(model=MODEL, messages=many)


def test_only_a_users_messages_have_images(client: OpenAI) -> None:
    shown = {"role": "system", "content": asking(url(png()))[0]["content"]}
    with pytest.raises(BadRequestError, match="only a user's messages may"):
        client.chat.completions.create(model=MODEL, messages=[shown, {"role": "user", "content": "Hi"}])


def test_image_alone_is_something_to_answer(client: OpenAI) -> None:
    whole = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": asking(url(png()))[0]["content"][1:]}]
    )
    assert whole.choices[0].message.content == "I see: png 3x2. "


def test_who_sees_being_busy_keeps_nobody_else_from_bedrock(client: OpenAI, world: World) -> None:
    assert world.sight
    world.sight.fail_next(EngineBusy("too many"))
    with pytest.raises((RateLimitError, APIStatusError)):
        client.chat.completions.create(model=MODEL, messages=asking(url(png())))
    assert world.refusals.left_s() == 0 and world.purse.month(MONTH).spent == 0
    plain = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
    assert plain.model == f"{MODEL}@bedrock"
