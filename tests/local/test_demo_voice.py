"""`make demo-voice` as a person runs it: it speaks, understands, is answered, and leaves nothing of what it heard."""

import json
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from bench.voice import word_error_rate
from local.state import LOCAL, ROOT
from tests.cloud import unique

pytestmark = pytest.mark.cloud


def test_a_question_is_spoken_understood_answered_and_the_answer_spoken() -> None:
    state = LOCAL / "tests" / unique("demo-voice")
    command = [sys.executable, "-m", "local", "--state", str(state), "demo-voice"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.strip().splitlines()[-1])
    assert result["answer"].strip() and result["left"] == []
    assert word_error_rate(result["asked"], result["understood"].split()) < 1, "something was understood"
    with wave.open(result["files"]["question"]) as question:
        assert question.getnframes() / question.getframerate() > 0.5
    assert Path(result["files"]["answer"]).stat().st_size > 1_000
    assert "understood: " in done.stdout
