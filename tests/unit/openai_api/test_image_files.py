"""Images that a person has uploaded, in OpenAI's chat API, by OpenAI's own client: theirs alone."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import BadRequestError, OpenAI

from foreverus import bootstrap
from foreverus.abilities.read_image.memory import MemorySight
from foreverus.aws.s3 import S3Objects
from foreverus.backends.parameters import CHAT
from foreverus.files.images import MOST_BYTES, PersonsImages
from foreverus.files.service import FileService
from foreverus.openai_api.requests import read_body, read_request
from tests.unit.abilities.images import jpeg, png
from tests.unit.conftest import Aws
from tests.unit.files.test_files import form
from tests.unit.openai_api.world import MODEL, MONTH, World

FILE_ID = "messages[0].content[1].file.file_id"


def part(file_id: str, **more: str) -> dict[str, object]:
    return {"type": "file", "file": {"file_id": file_id, **more}}


def asking(*file_ids: str) -> Any:
    return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *map(part, file_ids)]}]


@pytest.fixture
def files(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> FileService:
    monkeypatch.setenv("IMAGES_MODEL_ID", "amazon.nova-lite-v1:0")
    return bootstrap.api.build().files


@pytest.fixture
def world(files: FileService) -> World:
    return World(sight=MemorySight(), files=files)


@pytest.fixture
def client(world: World) -> Iterator[OpenAI]:
    with world.serving() as address, OpenAI(base_url=address, api_key="user-1/key-1", max_retries=0) as made:
        yield made


def upload(files: FileService, data: bytes, user_id: str = "user-1", purpose: bytes = b"vision") -> str:
    return str(files.upload(user_id, *form(("purpose", None, purpose), ("file", "a.png", data)))["id"])


def refused(client: OpenAI, messages: Any) -> Any:
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=messages)
    return caught.value.body


def test_uploaded_images_are_seen_in_their_order_beside_one_that_is_sent(
    client: OpenAI, world: World, files: FileService
) -> None:
    messages = asking(upload(files, png(3, 2)), upload(files, jpeg(5, 7)))
    whole = client.chat.completions.create(model=MODEL, messages=messages)
    assert whole.choices[0].message.content == "I see: png 3x2. jpeg 5x7. " and whole.model == "memory@bedrock"
    assert world.sight
    (prompt,) = world.sight.prompts
    assert [one.data[:2] for one in prompt.images] == [b"\x89P", b"\xff\xd8"], "who sees gets their bytes"


def test_same_as_a_stream_and_it_is_paid_once(client: OpenAI, world: World, files: FileService) -> None:
    image = upload(files, png())
    chunks = list(client.chat.completions.create(model=MODEL, messages=asking(image, image), stream=True))
    assert "".join(one.choices[0].delta.content or "" for one in chunks) == "I see: png 3x2. png 3x2. "
    month = world.purse.month(MONTH)
    assert month.reservations == () and month.spent > 0


def test_it_is_set_aside_for_as_if_its_bytes_were_sent(world: World, files: FileService) -> None:
    image = upload(files, png())
    own = PersonsImages(files.store.items)("user-1", [image], world.clock())  # type: ignore[attr-defined]

    def most(*images: str) -> float:
        body = read_body(CHAT, json.dumps({"model": MODEL, "max_tokens": 1, "messages": asking(*images)}).encode())
        return float(world.seen.reservation(read_request(CHAT, body, world.served, world.clock(), own)).usd)

    assert most(image, image) - most(image) == pytest.approx(2025 * 0.06 / 1e6, rel=1e-3)


def test_anothers_image_is_as_one_that_is_not_there(client: OpenAI, world: World, files: FileService) -> None:
    theirs = upload(files, png(), "user-2")
    said = [refused(client, asking(one)) for one in (theirs, "file-nothing")]
    assert [(one["param"], one["code"]) for one in said] == [(FILE_ID, "image_not_found")] * 2
    assert said[0]["message"].replace(theirs, "") == said[1]["message"].replace("file-nothing", "")
    assert world.purse.month(MONTH).spent == 0 and not (world.sight and world.sight.prompts)


def test_what_is_no_image_or_gone_is_as_one_that_is_not_there(client: OpenAI, files: FileService) -> None:
    deleted, batch = upload(files, png()), upload(files, b"{}\n", purpose=b"batch")
    files.delete("user-1", deleted)
    assert {refused(client, asking(one))["code"] for one in (deleted, batch)} == {"image_not_found"}


def test_image_that_is_deleted_between_is_a_clear_error_and_costs_nothing(
    client: OpenAI, world: World, files: FileService, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = upload(files, png())
    read = S3Objects.read

    def gone_first(objects: S3Objects, key: str, start: int, end: int) -> bytes:
        files.delete("user-1", image)
        return read(objects, key, start, end)

    monkeypatch.setattr(S3Objects, "read", gone_first)
    error = refused(client, asking(image))
    assert error["code"] == "image_not_found" and "deleted before it was shown" in error["message"]
    month = world.purse.month(MONTH)
    assert month.spent == 0 and month.reservations == ()


def test_images_that_are_too_much_together_are_refused_before_one_is_read(
    client: OpenAI, files: FileService, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = upload(files, png())
    monkeypatch.setattr("foreverus.files.images.MOST_BYTES", 2 * files.find("user-1", image).bytes)
    assert client.chat.completions.create(model=MODEL, messages=asking(image, image))
    monkeypatch.setattr(S3Objects, "read", None)
    error = refused(client, asking(image, image, image))
    assert error["param"] == "messages" and "bytes together" in error["message"]
    assert MOST_BYTES >= 4 * 3_700_000, "a message's four, the largest that there are"


@pytest.mark.parametrize(
    ("content", "param", "code"),
    [
        ({"type": "file"}, "messages[0].content[0].file", "missing_field"),
        ({"type": "file", "file": {}}, "messages[0].content[0].file.file_id", "missing_field"),
        (part("file-1", file_data="data:application/pdf;base64,AAAA"), "messages[0].content[0].file", "invalid_field"),
        (part("file-1") | {"text": "Hi"}, "messages[0].content[0].text", "invalid_field"),
        ({"type": "image_file", "image_file": {"file_id": "file-1"}}, "messages[0].content[0]", "unknown_field"),
    ],
)
def test_other_forms_name_what_is_wrong(client: OpenAI, content: Any, param: str, code: str) -> None:
    error = refused(client, [{"role": "user", "content": [content]}])
    assert error["code"] == code and error["param"].startswith(param)


def test_only_a_users_messages_and_four_each_and_twenty_together(client: OpenAI, files: FileService) -> None:
    image = upload(files, png())
    system = {"role": "system", "content": asking(image)[0]["content"]}
    assert "only a user's" in refused(client, [system, {"role": "user", "content": "Hi"}])["message"]
    assert "at most 4" in refused(client, asking(*[image] * 5))["message"]
    assert "has 21 images" in refused(client, asking(*[image] * 21))["message"]


def test_stack_that_sees_nothing_looks_for_no_file(files: FileService) -> None:
    with World(files=files).serving() as address, OpenAI(base_url=address, api_key="user-1/k", max_retries=0) as blind:
        assert refused(blind, asking(upload(files, png())))["code"] == "images_off"
