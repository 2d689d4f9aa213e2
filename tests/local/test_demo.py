"""The main job through the deployed stack: boot, answer, end, terminate, store, notify."""

import pytest

from local.cloud import Cloud
from local.demo import Demonstration
from tests.local.sessions import PATIENCE_S

pytestmark = pytest.mark.cloud

QUESTIONS = 6  # of the 45 that `make demo` asks: the model computes for a minute at those
# Thirteen transitions, whether the session lasts a minute or an hour.
STATES = [
    "Open session",
    "Are images kept?",
    "Launch GPU",
    "Was a GPU launched?",
    "Wait until healthy",
    "Serve",
    "Terminate GPU",
    "Close session",
    "Store results",
    "Is there anything to tell?",
    "Notify",
    "Mark as notified",
    "Did it end well?",
    "Session over",
]


def test_main_job_leaves_a_receipt_and_no_gpu(cloud: Cloud) -> None:
    lines: list[str] = []
    result = Demonstration(cloud, lines.append, QUESTIONS).run()
    assert result["bedrock_answer"].strip()
    assert result["answer"].strip()
    assert result["states"] == STATES
    assert result["instance"]["state"] == "terminated"
    assert result["stored"] == {"dynamodb": True, "postgres": True}
    assert result["notified"]
    receipt = result["receipt"]
    assert receipt["instance_id"] == result["instance"]["id"]
    assert receipt["completion_tokens"] > 0
    batch = result["batch"]
    assert (batch["status"], batch["completed"], batch["failed"]) == ("completed", QUESTIONS, 0)
    assert batch["right"] <= batch["answered_with_a_letter"] <= batch["questions_with_a_key"] == QUESTIONS
    assert batch["cost_usd"] > 0
    text = "\n".join(lines)
    assert "No GPU is on, and one answer costs less on Bedrock than starting one." in text
    for seen in ("session booting", "worker: loading", "worker: healthy", "session serving", "session ended"):
        assert seen in text


def test_inbox_has_the_notification_without_the_conversation(cloud: Cloud) -> None:
    result = Demonstration(cloud, lambda text: None, questions=0).run()
    mail = cloud.inbox.wait_for(result["receipt"]["session_id"], PATIENCE_S)
    assert mail is not None
    assert result["answer"] not in mail["message"]
