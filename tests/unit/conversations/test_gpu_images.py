"""Images of a conversation that the GPU's own model sees: who answers, and whom their addresses are lent to."""

from typing import Any

import pytest

from foreverus.abilities.read_image.gpu import LENT_S
from foreverus.abilities.read_image.memory import MemoryReader
from foreverus.aws import keys
from foreverus.bootstrap import containers, show_images
from foreverus.errors import InvalidRequest, NotFound
from foreverus.files.records import object_key
from foreverus.sessions.pending import PendingMessage, PendingWorkStore
from tests.unit.abilities.images import jpeg, png
from tests.unit.conftest import Aws
from tests.unit.conversations.test_choosing import Caller, live_session
from tests.unit.conversations.test_images import SEES, USER, Pictures
from tests.unit.conversations.test_read_images import SECRET


def made(aws: Aws, monkeypatch: pytest.MonkeyPatch, images: str) -> Pictures:
    monkeypatch.setenv("IMAGES", images)
    monkeypatch.setenv("IMAGES_MODEL_ID", SEES if images == "managed" else "")
    monkeypatch.setenv("GPU_MODEL_SEES", "qwen-vl")
    return Pictures(aws, Caller())


def choice(posted: Any) -> tuple[str, str, str | None]:
    told = posted["answer"]["choice"]
    return told["backend"], told["reason"], told["numbers"].get("images_seen_by")


def waiting(aws: Aws, posted: Any) -> PendingMessage:
    found = PendingWorkStore(aws.items).messages()
    return next(one for one in found if one.message_id == posted["message"]["id"])


@pytest.fixture
def eyes(monkeypatch: pytest.MonkeyPatch) -> MemoryReader:
    reader = MemoryReader(SECRET)
    monkeypatch.setattr(containers, "reader", lambda env, short=False: reader)
    monkeypatch.setattr(containers, "begin", lambda env: None)
    return reader


def test_gpu_that_is_on_sees_them_before_bedrock_does(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = made(aws, monkeypatch, "managed")
    assert choice(pictures.ask(pictures.upload()))[:2] == ("bedrock", "nothing_live")
    live_session(aws)
    pictures.id = str(pictures.chats.create(USER)["id"])
    posted = pictures.ask(pictures.upload())
    assert choice(posted) == ("gpu", "gpu_is_on", "mistral-7b-instruct-v0.3")
    assert waiting(aws, posted).may_move, "both see: either takes it over"


def test_where_nobody_else_sees_a_gpu_is_bought_and_the_message_moves_nowhere(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = made(aws, monkeypatch, "gpu")
    posted = pictures.ask(pictures.upload())
    assert choice(posted)[:2] == ("gpu", "bedrock_cannot") and posted["session"]
    assert not waiting(aws, posted).may_move, "who sees nothing would answer it as if nothing had been shown"
    pictures.id = str(pictures.chats.create(USER)["id"])
    with pytest.raises(InvalidRequest, match="No model on Bedrock sees images here") as refused:
        pictures.ask(pictures.upload(), backend="bedrock")
    assert refused.value.reason == "images_not_seen"


def test_container_reads_only_what_no_gpu_sees(aws: Aws, monkeypatch: pytest.MonkeyPatch, eyes: MemoryReader) -> None:
    pictures = made(aws, monkeypatch, "container")
    posted = pictures.ask(pictures.upload())
    assert choice(posted) == ("bedrock", "nothing_live", None) and len(eyes.asked) == 1
    assert posted["answer"]["choice"]["numbers"]["images_read_by"] == "container"
    live_session(aws)
    pictures.id = str(pictures.chats.create(USER)["id"])
    seen = pictures.ask(pictures.upload(jpeg()))
    assert choice(seen)[:2] == ("gpu", "gpu_is_on") and len(eyes.asked) == 1
    assert "text" not in seen["message"]["images"][0], "nobody has read it"
    pictures.id = str(pictures.chats.create(USER, backend="bedrock")["id"])
    assert choice(pictures.ask(pictures.upload(png(4, 4))))[0] == "bedrock" and len(eyes.asked) == 2


def test_question_after_an_image_buys_no_gpu(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = made(aws, monkeypatch, "gpu")
    live_session(aws)
    pictures.answered(pictures.ask(pictures.upload()))
    assert choice(pictures.ask(content="And now?"))[0] == "gpu"


def lend(posted: Any, *file_ids: str) -> dict[str, str]:
    message = posted["message"]
    return show_images.build().of(message["conversation_id"], message["id"], file_ids)


def test_addresses_are_lent_of_a_waiting_questions_conversation_alone(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = made(aws, monkeypatch, "gpu")
    mine, other, unsent = pictures.upload(), pictures.upload(jpeg()), pictures.upload(png(4, 4))
    theirs = pictures.upload(png(5, 5), "user-2")
    posted = pictures.ask(mine)
    here, pictures.id = pictures.id, str(pictures.chats.create(USER)["id"])
    elsewhere = pictures.ask(other)
    addresses = lend(posted, mine, other, unsent, theirs, "file_x")
    assert addresses.keys() == {mine}, "one that no message has is nobody's to see"
    assert object_key(USER, mine) in addresses[mine] and f"Expires={LENT_S}" in addresses[mine]
    assert lend(elsewhere, mine, other).keys() == {other}
    with pytest.raises(NotFound):
        show_images.build().of(pictures.id, posted["message"]["id"], [mine])
    pictures.id = here
    aws.items.delete(keys.pending_key(posted["message"]["id"]))
    with pytest.raises(NotFound):
        lend(posted, mine)


def test_what_a_stolen_machine_writes_into_a_question_opens_nothing_more(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may write questions of conversations, and neither what waits nor what a file's record says."""
    pictures = made(aws, monkeypatch, "gpu")
    mine, theirs = pictures.upload(), pictures.upload(jpeg(), "user-2")
    posted = pictures.ask(mine)
    key = keys.question_key(pictures.id, posted["message"]["id"])
    question = aws.items.get(key)
    assert question
    forged = [{**question["images"][0], "file_id": theirs}]
    aws.items.update(key, "SET images = :forged, user_id = :other", {":forged": forged, ":other": "user-2"})
    assert lend(posted, theirs) == {}
