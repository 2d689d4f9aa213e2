"""What an answer costs beside its tokens is reckoned with the sizes that code and template have."""

import re
from pathlib import Path

import pytest

from foreverus.conversations.bedrock.writing import CHECKPOINT_S
from foreverus.conversations.streaming.live import DELTA_INTERVAL_S
from foreverus.costs import one_answer
from foreverus.costs.one_answer import beside, beside_usd, openai_stream

TEMPLATE = (Path(__file__).parents[3] / "template.yaml").read_text(encoding="utf-8")


def memory_gb(function: str) -> float:
    """Of a function; the template's default where it names none."""
    own = re.search(rf"^  {function}:\n(?:    .*\n|\n)*?      MemorySize: (\d+)", TEMPLATE, re.MULTILINE)
    default = re.search(r"^    MemorySize: (\d+)", TEMPLATE, re.MULTILINE)
    assert default
    return int((own or default)[1]) / 1024


def test_sizes_are_those_of_code_and_template() -> None:
    assert pytest.approx(1 / DELTA_INTERVAL_S) == one_answer.FRAMES_A_SECOND
    assert memory_gb("ApiFunction") == one_answer.API_GB
    assert memory_gb("AuthorizeFunction") == one_answer.AUTHORIZE_GB
    assert memory_gb("AnswerConversationFunction") == one_answer.ANSWER_GB
    assert memory_gb("ChatCompletionsFunction") == one_answer.STREAM_GB
    assert pytest.approx(1 / CHECKPOINT_S) == one_answer.CHECKPOINTS_A_SECOND


def test_a_longer_answer_costs_more_and_the_gpus_machine_needs_no_function() -> None:
    for on_bedrock in (True, False):
        assert beside_usd(1, on_bedrock=on_bedrock) < beside_usd(10, on_bedrock=on_bedrock)
    assert beside_usd(10, on_bedrock=False) < beside_usd(10, on_bedrock=True)


def test_an_answer_starts_no_state_machine() -> None:
    streams = (openai_stream(10, on_bedrock=where) for where in (True, False))
    for parts in (beside(10, on_bedrock=True), *streams):
        (transitions,) = [one.usd for one in parts if "Step Functions" in one.what]
        assert transitions == 0


def test_a_relayed_stream_costs_its_frames_more() -> None:
    bedrock, gpu = (sum(one.usd for one in openai_stream(10, on_bedrock=where)) for where in (True, False))
    assert gpu - bedrock == pytest.approx(200 * one_answer.FRAME_USD, rel=0.1)
