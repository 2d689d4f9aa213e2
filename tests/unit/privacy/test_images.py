"""Images of messages leave no trace: with their message, their conversation, their person; an export has them."""

import json
from datetime import timedelta

import pytest

from foreverus import bootstrap, ids
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.records import Conversation, FinishedAnswer, Question
from foreverus.conversations.shown import ShownImage
from foreverus.conversations.store import ConversationStore
from foreverus.files.records import object_key
from tests.unit.abilities.images import png
from tests.unit.conftest import NOW, Aws
from tests.unit.files.test_files import form
from tests.unit.privacy.test_export import PLENTY, Exporting
from tests.unit.privacy.world import LATER, Person


@pytest.fixture
def world(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Exporting:
    monkeypatch.setenv("IMAGES_MODEL_ID", "amazon.nova-lite-v1:0")
    return Exporting(aws)


@pytest.fixture
def ana(world: Exporting) -> Person:
    person = Person(world, "ana")
    at = ids.timestamp(NOW)
    made = Conversation(conversation_id="conv_1", user_id=person.user_id, title="", created_at=at, updated_at=at)
    ConversationStore(world.aws.items).create(made)
    return person


def upload(world: Exporting, person: Person, name: str) -> str:
    """Written twice: the bucket keeps an earlier version of it."""
    body = form(("purpose", None, b"vision"), ("file", name, png()))
    image = str(bootstrap.api.build().files.upload(person.user_id, *body)["id"])
    world.objects.put(object_key(person.user_id, image), png())
    return image


def show(world: Exporting, person: Person, number: int, *images: str) -> str:
    """A question that shows them, and its answer."""
    question = Question(
        message_id=f"msg_{number}",
        conversation_id="conv_1",
        user_id=person.user_id,
        content="",
        created_at=ids.timestamp(NOW),
        images=tuple(ShownImage.of(world.files.get(person.user_id, one)) for one in images),
    )
    assert ConversationStore(world.aws.items).accept(question, sends=images)
    DynamoAnswers(world.aws.items).finish(question.ref, FinishedAnswer("A cat."), "ses_1", NOW)
    return question.message_id


def work_off(world: Exporting) -> None:
    """As the sweeps do, until nobody can write anything back."""
    for later in (timedelta(), timedelta(hours=4)):
        assert world.work_off(bootstrap.aws.clock() + later)[1] == []


def left(world: Exporting, *images: str) -> list[str]:
    """But for what names an id and its person until a time: when it was to be looked after, and that it is deleted."""
    return [one for one in world.places(*images) if not one.startswith(("EXPIRING#FILES", "OWED_DELETIONS#"))]


def test_images_go_with_their_message_in_all_their_versions(world: Exporting, ana: Person) -> None:
    gone, stays = upload(world, ana, "gone.png"), upload(world, ana, "stays.png")
    message = show(world, ana, 1, gone)
    show(world, ana, 2, stays)
    assert world.places(gone), "it was there"
    bootstrap.api.build().deletions.delete(ana.user_id, "conv_1", message)
    assert world.files.get(ana.user_id, gone) is None, "at once"
    work_off(world)
    assert left(world, gone) == [] and world.files.get(ana.user_id, stays)
    assert len([place for place in world.places(stays) if place.startswith("files/")]) == 2


def test_images_go_with_their_conversation(world: Exporting, ana: Person) -> None:
    first, second = upload(world, ana, "a.png"), upload(world, ana, "b.png")
    show(world, ana, 1, first)
    show(world, ana, 2, second)
    bootstrap.api.build().conversations.delete(ana.user_id, "conv_1")
    work_off(world)
    assert left(world, first, second) == []


def test_images_go_with_their_person_the_unsent_one_too_and_the_receipt_counts_them(
    world: Exporting, ana: Person
) -> None:
    bia = Person(world, "bia")
    theirs = upload(world, bia, "theirs.png")
    show(world, ana, 1, sent := upload(world, ana, "sent.png"))
    unsent = upload(world, ana, "unsent.png")
    receipt = world.leave(ana)
    for now in (NOW, LATER, LATER + timedelta(minutes=5)):
        assert world.work_off(now)[1] == []
    assert world.places(ana.user_id, sent, unsent) == []
    found = world.erasures.get(receipt)
    assert found and found.counts["dynamodb files"] == 2
    assert world.files.get(bia.user_id, theirs) and world.places(object_key(bia.user_id, theirs))


def test_export_has_them_and_says_which_message_shows_which(world: Exporting, ana: Person) -> None:
    show(world, ana, 1, image := upload(world, ana, "quadro.png"))
    unsent = upload(world, ana, "later.png")
    world.service_of_exports().start(ana.user_id)
    world.job().work(lambda: PLENTY)
    archive = world.zip_of(ana)
    assert archive.read(f"files/{image}/quadro.png") == png()
    assert f"files/{unsent}/later.png" in archive.namelist()
    messages = [json.loads(line) for line in archive.read("conversations/conv_1.jsonl").splitlines()][1:]
    assert [one["file_id"] for one in messages[0]["images"]] == [image]
    assert f"(files/{image})" in archive.read("conversations/conv_1.md").decode()
