"""MaxGpus=2 on the whole cloud: a queue of people buys a second GPU, with its sum, and it ends before the first one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from foreverus import ids
from foreverus.aws.demand_keys import CROWD
from foreverus.aws.dynamo import Table
from local.cloud import Cloud, running
from local.instances import faults
from local.instances.places import Places
from local.person import Person
from tests.local.sessions import live_instances, wait_until

pytestmark = pytest.mark.cloud

SLOTS, QUEUE = 2, 12
SLOW, FAST = 1.0, 1000.0  # tokens a second: while people wait, and once they need not any more
COUNT = 100  # tokens of an answer: what is slow takes longer than a boot


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud of its own, whose stack may have two GPUs."""
    directory = tmp_path_factory.mktemp("hall")
    directory.chmod(0o755)
    parameters = {"MaxGpus": "2", "EngineSlots": str(SLOTS), "IdleSeconds": "900", "ModelId": "counting"}
    options: dict[str, Any] = {"parameters": parameters, "usual_ports": False, "wait_scale": 0.01, "pace": FAST}
    with running(directory, lambda text: None, **options) as cloud:
        yield cloud


def test_a_queue_of_people_buys_a_second_gpu_that_ends_first_when_they_leave(hall: Cloud) -> None:
    table = Table(hall.emulator.client("dynamodb"), hall.stack["TableName"])
    places = Places(Path(hall.state.directory))
    with Person(hall.outputs) as person:
        first, _ = person.start_session()
        wait_until(lambda: person.call("GET", f"/sessions/{first}")["status"] == "serving", "the session serves")
        faults.set_pace(places, SLOW)
        asked = {person.ask(person.converse("You count."), f"count to {COUNT}", COUNT) for _ in range(SLOTS + QUEUE)}
        came = table.get(CROWD)
        assert came and came["asked"] + came["before"] == QUEUE, "each of them found no free slot"
        assert len(live_instances(hall)) == 1, "a rush is no crowd"

        now = datetime.now(UTC)  # people have come like this for two minutes and a half
        lasted = {"since": ids.timestamp(now - timedelta(seconds=150)), "last": ids.timestamp(now), "asked": 1}
        table.put({**CROWD, **lasted, "before": 100})
        asked.add(person.ask(person.converse("You count."), f"count to {COUNT}", COUNT))
        (second,) = [one for one in person.call("GET", "/sessions")["data"] if one["trigger"] == "crowd"]
        numbers = second["crowd"]["numbers"]
        assert (numbers["gpus"], numbers["asked_per_minute"]) == (1, 100)
        assert numbers["waiting"] >= QUEUE and numbers["saved_hours"] > numbers["usd"] > 0, "an hour is worth US$ 1"
        assert f"another GPU for US$ {numbers['usd']:.2f} saves" in second["crowd"]["text"]

        def status(session_id: str) -> str:
            return str(person.call("GET", f"/sessions/{session_id}")["status"])

        wait_until(lambda: status(second["id"]) == "serving", "the second GPU serves")
        assert len(live_instances(hall)) == 2
        faults.set_pace(places, FAST)
        answers = {}
        while asked - set(answers):
            message = person.wait_for("message")[1]["message"]
            if message["role"] == "assistant" and message["status"] == "answered":
                answers[message["in_reply_to"]] = message["session_id"]
        assert set(answers.values()) == {first, second["id"]}, "both have answered"
        wait_until(lambda: status(second["id"]) == "ended", "the crowd's GPU has ended")
        assert status(first) == "serving", "and the other one stays on"
        over = person.call("GET", f"/sessions/{second['id']}")
        assert over["outcome"] == "idle" and over["crowd"] == second["crowd"]
        person.end_session(first)
