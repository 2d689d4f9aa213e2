"""A question with images has passages too, whoever sees it; an image without words has nothing to look for."""

import asyncio

import pytest

from foreverus import bootstrap
from foreverus.aws import keys
from foreverus.conversations.passages.memory import MemorySources
from foreverus.conversations.passages.records import HEADING
from foreverus.documents.records import PassagesFound
from tests.unit.abilities.images import png
from tests.unit.conftest import Aws
from tests.unit.conversations.passages.test_answering import KEY, SHOWN, document, function
from tests.unit.conversations.test_choosing import Caller
from tests.unit.conversations.test_images import SEES, USER, Pictures, Seen


@pytest.fixture
def pictures(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Pictures:
    monkeypatch.setenv("IMAGES_MODEL_ID", SEES)
    bootstrap.api.build.cache_clear()
    return Pictures(aws, Caller())


@pytest.mark.parametrize("content", ["What is this?", ""])
def test_they_stand_beside_what_is_seen(pictures: Pictures, content: str) -> None:
    document(pictures.aws)
    scene = Seen(pictures)
    scene.passages = MemorySources(found=PassagesFound((KEY,), ("a.md",)))
    conversation = scene.show(pictures.upload(png(3, 2)), content=content)
    asyncio.run(scene.run(conversation))
    (prompt,) = scene.sight.prompts
    said = prompt.messages[-1].content
    assert said.startswith(f"{HEADING}\n\n[1] a.md, page 3\n> ")
    assert said.endswith(f"The person's question:\n{content}")
    assert len(prompt.images) == 1
    assert scene.answer_to(conversation)["sources"] == SHOWN


def test_an_image_without_words_is_looked_for_by_nobody(pictures: Pictures) -> None:
    document(pictures.aws)
    asked = function(pictures.aws, KEY)
    conversation = Seen(pictures).show(pictures.upload(png(3, 2)), content="")
    waiting = next(iter(pictures.aws.items.query(keys.PENDING_ON_BEDROCK)))
    assert asked.of.find(conversation, waiting["message_id"]) == PassagesFound()
    assert asked.of.finder.embedder.asked == []  # type: ignore[attr-defined]
    assert waiting["user_id"] == USER
