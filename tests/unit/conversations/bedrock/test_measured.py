"""What is measured of an answer of Bedrock: once, with what its reader waited for, and whether Bedrock failed it."""

import json

import pytest

from foreverus.errors import BackendUnavailable, EngineFailed, PromptRejected
from foreverus.metric_definitions import Name
from tests.metrics_seen import metrics_of
from tests.unit.conftest import Aws
from tests.unit.conversations.bedrock.scene import Scene
from tests.unit.worker.harness import in_jumping_time


def values(scene: Scene, wanted: Name) -> list[float]:
    found = [one for line in scene.measured for one in metrics_of(line)]
    return [value for name, _, many, _ in found if name is wanted for value in many]


@in_jumping_time
async def test_each_answer_is_measured_once_however_often_its_function_is_called(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    scene.ask("two", conversation)
    for _ in range(3):
        await scene.run(conversation)
    assert (
        len(values(scene, Name.ANSWER)) == len(values(scene, Name.FIRST_WORD)) == len(values(scene, Name.FAILED)) == 2
    )
    assert all(
        first < whole for first, whole in zip(values(scene, Name.FIRST_WORD), values(scene, Name.ANSWER), strict=True)
    )
    assert {json.loads(line)["backend"] for line in scene.measured} == {"bedrock"}


@pytest.mark.parametrize(
    ("error", "tries", "failed"),
    [(PromptRejected("No."), 1, 0.0), (EngineFailed("cut"), 3, 100.0), (BackendUnavailable("no access"), 1, 100.0)],
)
@in_jumping_time
async def test_what_bedrock_fails_is_our_failure_and_what_nobody_would_answer_is_not(
    aws: Aws, error: Exception, tries: int, failed: float
) -> None:
    scene = Scene(aws)
    for _ in range(tries):
        scene.backend.fail_next(error)
    conversation, _ = scene.ask("one", may_move=False)
    await scene.run(conversation)
    assert scene.answer_to(conversation)["status"] == "failed"
    assert (values(scene, Name.FAILED), values(scene, Name.ANSWER)) == ([failed], [])
