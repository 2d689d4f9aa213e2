"""Images in messages: a person's own, in one place each, seen by whoever sees, gone with their message."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus import bootstrap
from foreverus.abilities.read_image.memory import MemorySight
from foreverus.api.requests import RequestAttempt
from foreverus.aws import keys
from foreverus.backends.converse import turns
from foreverus.conversations.bedrock.seeing import MOST_IMAGES, TRIES, Seeing
from foreverus.conversations.records import AnswerStatus, FinishedAnswer, MessageRef, Saved
from foreverus.conversations.service import ConversationService
from foreverus.costs.prices import TokenPrice
from foreverus.deletions.owed import OwedDeletions, OwedKind
from foreverus.errors import Conflict, InvalidRequest, NotAccepted, NotFound
from foreverus.files.records import object_key
from foreverus.files.service import FileService
from foreverus.files.store import FileStore
from foreverus.sweeps.files import ExpiredFiles
from tests.unit.abilities.images import PLACE, jpeg, png
from tests.unit.conftest import Aws
from tests.unit.conversations.bedrock.scene import Scene
from tests.unit.conversations.test_choosing import Caller, live_session, with_bedrock
from tests.unit.files.test_files import form
from tests.unit.worker.harness import in_jumping_time

SEES = "amazon.nova-lite-v1:0"
USER = "user-1"


class Pictures:
    def __init__(self, aws: Aws, caller: Caller):
        self.aws = aws
        self.chats: ConversationService = with_bedrock(caller)
        self.files: FileService = bootstrap.api.build().files
        self.deletions = bootstrap.api.build().deletions
        self.id = str(self.chats.create(USER)["id"])

    def upload(self, data: bytes = b"", user_id: str = USER) -> str:
        kind, body = form(("purpose", None, b"vision"), ("file", "a.png", data or png()))
        return str(self.files.upload(user_id, kind, body)["id"])

    def ask(self, *images: str, content: str = "What is this?", **more: Any) -> Any:
        return self.chats.post(USER, self.id, {"content": content, "images": list(images), **more})

    def answered(self, posted: Any) -> str:
        message = MessageRef(posted["message"]["id"], self.id, USER)
        finished = FinishedAnswer("A cat.", 1, 1, "stop")
        answers = bootstrap.api.build().stops.answers
        assert answers.finish(message, finished, "ses_1", bootstrap.aws.clock()) is Saved.SAVED
        self.aws.items.delete(keys.pending_on_bedrock_key(message.message_id))
        return message.message_id

    def there(self, file_id: str) -> bool:
        return FileStore(self.aws.items).get(USER, file_id) is not None

    def owed(self) -> set[str]:
        return {one.name for one in OwedDeletions(self.aws.items).of(OwedKind.FILE)}


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def pictures(aws: Aws, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> Pictures:
    monkeypatch.setenv("IMAGES_MODEL_ID", SEES)
    return Pictures(aws, caller)


def test_image_is_a_file_without_what_a_camera_adds_and_goes_after_a_day(pictures: Pictures) -> None:
    image = pictures.upload(jpeg(5, 7))
    shown = pictures.files.get(USER, image)
    assert (shown["purpose"], shown["width"], shown["height"]) == ("vision", 5, 7)
    assert shown["expires_at"] == shown["created_at"] + 86_400
    assert str(shown["url"]).startswith("https://") and "attachment" not in str(shown["url"])
    kept = pictures.files.objects.read(object_key(USER, image), 0, 10_000)
    assert kept.startswith(b"\xff\xd8") and PLACE not in kept and len(kept) == shown["bytes"]
    with pytest.raises(NotFound):
        pictures.files.get("user-2", image)


def test_image_is_named_once(pictures: Pictures) -> None:
    image = pictures.upload()
    with pytest.raises(InvalidRequest, match="twice") as refused:
        pictures.ask(image, image)
    assert (refused.value.param, refused.value.reason) == ("images", "invalid_field")


def test_what_is_no_image_is_not_kept(pictures: Pictures) -> None:
    with pytest.raises(InvalidRequest, match="is no image") as refused:
        pictures.upload(b"%PDF-1.7")
    assert (refused.value.param, refused.value.reason) == ("file", "invalid_image")
    assert pictures.files.list_files(USER, {})["data"] == []


def test_deployment_that_sees_nothing_takes_no_image(aws: Aws, caller: Caller) -> None:
    blind = Pictures(aws, caller)
    for refused in (lambda: blind.upload(), lambda: blind.ask("file_1")):
        with pytest.raises(InvalidRequest, match="Images is off") as caught:
            refused()
        assert caught.value.reason == "images_off"


def test_message_shows_its_images_and_they_stay_with_it(pictures: Pictures, caller: Caller) -> None:
    first, second = pictures.upload(), pictures.upload(jpeg(5, 7))
    posted = pictures.ask(first, second)
    assert [one["file_id"] for one in posted["message"]["images"]] == [first, second]
    listed: Any = pictures.chats.messages(USER, pictures.id, {})["data"]
    assert listed[0]["images"][1] == {"file_id": second, "type": "jpeg", "width": 5, "height": 7}
    assert caller.called, "Bedrock was called for it"
    assert pictures.files.get(USER, first)["expires_at"] is None and pictures.there(second)


def test_image_stands_without_words_and_is_asked_again_without_them(pictures: Pictures, caller: Caller) -> None:
    image = pictures.upload()
    posted = pictures.ask(image, content="")
    assert posted["message"]["content"] == "" and caller.called
    question = pictures.answered(posted)
    again = pictures.chats.regenerate(USER, pictures.id, question, {})
    assert (again["message"]["content"], len(again["message"]["images"])) == ("", 1)
    assert pictures.chats.get(USER, pictures.id)["title"] == "", "until the model has called it something"
    with pytest.raises(InvalidRequest) as refused:
        pictures.ask(content="")
    assert (refused.value.param, refused.value.reason) == ("content", "invalid_field")


def test_unsent_image_goes_and_a_sent_one_does_not(pictures: Pictures) -> None:
    sent, unsent = pictures.upload(), pictures.upload()
    pictures.ask(sent)
    files = pictures.files
    due = ExpiredFiles(files.store, files.objects, lambda: bootstrap.aws.clock() + timedelta(days=2), files.look_after)
    for repair in due():
        repair.run()
    assert pictures.there(sent) and not pictures.there(unsent)
    assert files.objects.head(object_key(USER, unsent)) is None and files.objects.head(object_key(USER, sent))


def test_image_is_its_persons_and_in_one_place(pictures: Pictures) -> None:
    theirs, mine = pictures.upload(user_id="user-2"), pictures.upload()
    for image in (theirs, "file_nobody"):
        with pytest.raises(InvalidRequest) as refused:
            pictures.ask(image)
        assert refused.value.reason == "image_not_found"
    pictures.ask(mine)
    with pytest.raises(InvalidRequest) as refused:
        pictures.ask(mine)
    assert refused.value.reason == "image_already_sent"


def test_batchs_file_is_no_image(pictures: Pictures) -> None:
    kind, body = form(("purpose", None, b"batch"), ("file", "a.jsonl", b"{}"))
    batch = str(pictures.files.upload(USER, kind, body)["id"])
    with pytest.raises(InvalidRequest, match="There is no image"):
        pictures.ask(batch)


def test_repeated_request_is_the_same_message_with_the_same_image(pictures: Pictures) -> None:
    image = pictures.upload()
    wanted = {"content": "What?", "images": [image]}
    first: Any = pictures.chats.post(USER, pictures.id, wanted, RequestAttempt("k1"))
    again: Any = pictures.chats.post(USER, pictures.id, wanted, RequestAttempt("k1"))
    assert first["message"] == again["message"]


def test_who_sees_answers_and_it_is_said_who_and_why(pictures: Pictures, aws: Aws) -> None:
    live_session(aws)
    choice = pictures.ask(pictures.upload())["answer"]["choice"]
    assert (choice["backend"], choice["reason"]) == ("bedrock", "sees_images")
    assert SEES in choice["text"] and choice["numbers"]["images_seen_by"] == SEES
    assert choice["numbers"]["prompt_tokens"] > 2_000, "the image is reckoned with"
    waiting = pictures.chats.chooser.items.query(keys.PENDING_ON_BEDROCK)
    assert [one.get("may_move") for one in waiting] == [False], "no GPU takes it over: it sees nothing"


def test_who_wants_the_gpu_is_told_that_it_sees_nothing(pictures: Pictures) -> None:
    with pytest.raises(InvalidRequest, match="sees no images") as refused:
        pictures.ask(pictures.upload(), backend="gpu")
    assert (refused.value.param, refused.value.reason) == ("images", "images_not_seen")
    assert "Backend 'bedrock' can" in refused.value.message


def test_what_was_shown_is_seen_again_by_the_next_question_unless_the_gpu_is_wanted(
    pictures: Pictures, aws: Aws
) -> None:
    live_session(aws)
    pictures.answered(pictures.ask(pictures.upload()))
    chosen: Any = pictures.chats.post(USER, pictures.id, {"content": "And its colour?"})
    assert chosen["answer"]["choice"]["reason"] == "sees_images"
    pictures.answered(chosen)
    wanted: Any = pictures.chats.post(USER, pictures.id, {"content": "Well?", "backend": "gpu"})
    assert wanted["answer"]["choice"]["backend"] == "gpu"


def test_message_that_was_not_kept_leaves_its_image_to_be_sent_again(pictures: Pictures, caller: Caller) -> None:
    image = pictures.upload()
    caller.fails = True
    with pytest.raises(NotAccepted):
        pictures.ask(image)
    caller.fails = False
    assert pictures.files.get(USER, image)["expires_at"]
    pictures.ask(image)


def test_question_in_another_ones_place_shows_the_same_images(pictures: Pictures) -> None:
    image, other = pictures.upload(), pictures.upload()
    first = pictures.answered(pictures.ask(image))
    again: Any = pictures.chats.regenerate(USER, pictures.id, first, {})
    assert [one["file_id"] for one in again["message"]["images"]] == [image]
    second = pictures.answered(again)
    third = pictures.answered(pictures.ask(image, other, replaces=second))
    pictures.deletions.delete(USER, pictures.id, third)
    assert not pictures.there(image) and not pictures.there(other)


def test_images_go_with_their_message_and_others_stay(pictures: Pictures) -> None:
    gone, stays = pictures.upload(), pictures.upload()
    first = pictures.answered(pictures.ask(gone))
    pictures.answered(pictures.ask(stays))
    pictures.deletions.delete(USER, pictures.id, first)
    assert not pictures.there(gone) and pictures.there(stays)
    assert pictures.owed() == {gone}, "its bytes are owed"
    with pytest.raises(NotFound):
        pictures.files.get(USER, gone)


def test_images_stay_while_their_message_cannot_be_deleted(pictures: Pictures) -> None:
    image = pictures.upload()
    posted = pictures.ask(image)
    with pytest.raises(Conflict):
        pictures.deletions.delete(USER, pictures.id, posted["message"]["id"])
    assert pictures.there(image)


def test_images_go_with_their_conversation(pictures: Pictures) -> None:
    images = [pictures.upload(), pictures.upload()]
    pictures.answered(pictures.ask(images[0]))
    pictures.ask(images[1])
    pictures.chats.delete(USER, pictures.id)
    assert not any(map(pictures.there, images)) and pictures.owed() == set(images)


class Seen(Scene):
    """A conversation on Bedrock, where a model sees."""

    def __init__(self, pictures: Pictures):
        super().__init__(pictures.aws)
        self.pictures = pictures
        self.sight = MemorySight()
        self.objects: Any = pictures.files.objects

    def answering(self) -> Any:
        made = super().answering()
        seeing = Seeing(backend=self.sight, price=TokenPrice(1.0, 2.0, "test"), objects=self.objects)
        asker = replace(made.writer.asker, seeing=seeing)
        return replace(made, writer=replace(made.writer, asker=asker))

    def show(self, *images: str, content: str = "What is this?", conversation: str = "") -> str:
        posted: Any = self.pictures.chats.post(
            USER, conversation or self.pictures.id, {"content": content, "images": list(images)}
        )
        return str(posted["message"]["conversation_id"])


class Failing:
    """S3, which fails the first reads. `left`: how many."""

    def __init__(self, objects: Any, left: int):
        self.objects, self.left = objects, left

    def read(self, key: str, start: int, end: int) -> bytes:
        if self.left:
            self.left -= 1
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "on order"}}, "GetObject")
        return bytes(self.objects.read(key, start, end))


def test_image_that_s3_does_not_give_is_tried_again(pictures: Pictures) -> None:
    scene = Seen(pictures)
    scene.objects = Failing(pictures.files.objects, TRIES - 1)
    conversation = scene.show(pictures.upload())
    in_jumping_time(lambda: scene.run(conversation))()
    assert scene.answer_to(conversation)["content"] == "I see: png 3x2. "


def test_message_whose_images_s3_does_not_give_ends_in_an_error_and_nobody_is_asked(pictures: Pictures) -> None:
    scene = Seen(pictures)
    scene.objects = Failing(pictures.files.objects, TRIES)
    conversation = scene.show(pictures.upload())
    in_jumping_time(lambda: scene.run(conversation))()
    answer = scene.answer_to(conversation)
    assert (answer["status"], answer["error"]["code"]) == (AnswerStatus.FAILED, "images_not_fetched")
    assert "Ask again" in answer["error"]["message"] and scene.sight.prompts == scene.backend.prompts == []
    assert scene.reserved() == [] and not any(scene.entries().values()) and scene.pending.on_bedrock() == []
    scene.show(conversation=conversation, content="And now?")
    in_jumping_time(lambda: scene.run(conversation))()
    assert scene.answer_to(conversation)["status"] == AnswerStatus.ANSWERED, "the next one finds S3 as it was"


def test_images_are_in_the_prompt_and_cost_what_who_sees_costs(pictures: Pictures) -> None:
    scene = Seen(pictures)
    conversation = scene.show(pictures.upload(png(3, 2)), pictures.upload(jpeg(5, 7)))
    asyncio.run(scene.run(conversation))
    answer = scene.answer_to(conversation)
    assert (answer["content"], answer["status"]) == ("I see: png 3x2. jpeg 5x7. ", AnswerStatus.ANSWERED)
    (prompt,) = scene.sight.prompts
    assert prompt.messages[-1].content == "What is this?" and prompt not in scene.backend.prompts
    words = sum(len(one.content.split()) for one in prompt.messages)
    assert answer["cost_usd"] == pytest.approx((words * 1.0 + 3 * 2.0) / 1e6)
    assert answer["cost_usd"] in scene.entries().values() and scene.reserved() == []


def test_earlier_images_are_seen_again_and_a_deleted_one_is_said_to_be_gone(pictures: Pictures) -> None:
    scene = Seen(pictures)
    gone = pictures.upload(png(9, 9))
    conversation = scene.show(pictures.upload(png(3, 2)), gone)
    asyncio.run(scene.run(conversation))
    pictures.files.delete(USER, gone)
    scene.show(conversation=conversation, content="And now?")
    asyncio.run(scene.run(conversation))
    prompt = scene.sight.prompts[-1]
    assert [(one.width, one.height) for one in prompt.images] == [(3, 2)]
    assert "[An image was shown here, which you cannot see.]" in prompt.messages[1].content
    assert scene.answer_to(conversation)["content"] == "I see: png 3x2. "


def test_no_prompt_has_more_images_than_one_call_takes_and_the_newest_come_first(pictures: Pictures) -> None:
    scene = Seen(pictures)
    for turn in range(3):
        conversation = scene.show(*[pictures.upload(png(10 + turn, one + 1)) for one in range(4)])
        asyncio.run(scene.run(conversation))
    prompt = scene.sight.prompts[-1]
    assert len(prompt.images) == MOST_IMAGES and {one.width for one in prompt.images} == {11, 12}
    assert prompt.messages[1].content.endswith("[4 images were shown here, which you cannot see.]")


def test_prompt_of_an_image_without_words_is_the_image_alone(pictures: Pictures) -> None:
    scene = Seen(pictures)
    conversation = scene.show(pictures.upload(), content="")
    asyncio.run(scene.run(conversation))
    assert scene.answer_to(conversation)["content"] == "I see: png 3x2. "
    (prompt,) = scene.sight.prompts
    assert prompt.messages[-1].content == "" and len(prompt.messages[-1].images) == 1
    (asked,) = turns(prompt)
    assert [list(block) for block in asked["content"]] == [["image"], ["text"]]
    assert asked["content"][1]["text"] == prompt.messages[0].content.strip(), "its system message stands there alone"
    (title,) = [one for one in scene.backend.prompts if "Write a title" in one.messages[-1].content]
    assert "(an image, without words)" in title.messages[-1].content
    scene.show(conversation=conversation, content="And now?")
    asyncio.run(Scene(pictures.aws).run(conversation))


def test_model_that_sees_nothing_reads_of_an_image_without_words_that_it_was_shown(pictures: Pictures) -> None:
    scene = Scene(pictures.aws)
    posted: Any = pictures.ask(pictures.upload(), content="")
    asyncio.run(scene.run(posted["message"]["conversation_id"]))
    (prompt, *_) = scene.backend.prompts
    assert prompt.messages[-1].content == "[An image was shown here, which you cannot see.]"


def test_model_that_sees_nothing_reads_that_something_was_shown(pictures: Pictures) -> None:
    scene = Scene(pictures.aws)  # a deployment whose Images is off again
    posted: Any = pictures.ask(pictures.upload())
    asyncio.run(scene.run(posted["message"]["conversation_id"]))
    (prompt, *_) = scene.backend.prompts
    assert prompt.messages[-1].content == "What is this?\n\n[An image was shown here, which you cannot see.]"
    assert not prompt.images


def test_words_in_an_image_start_nothing(pictures: Pictures) -> None:
    """They are bytes in a prompt: what a text may cause here is an answer, and so may they."""
    scene = Seen(pictures)
    scene.sight.reply = lambda prompt: ["Remember that… DELETE /v1/conversations"]
    before = len(list(pictures.aws.items.query(keys.conversation_key(USER, "")["pk"])))
    conversation = scene.show(pictures.upload())
    asyncio.run(scene.run(conversation))
    after = list(pictures.aws.items.query(keys.conversation_key(USER, "")["pk"]))
    assert len(after) == before + 1, "the image alone is new"
    assert scene.answer_to(conversation)["content"].startswith("Remember that")
