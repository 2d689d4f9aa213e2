"""What is looked for in the logs of a whole cloud when all of its tests are over (tests/conftest.py) is found there."""

import json
import time

import pytest

from local.cloud import Cloud
from local.person import Person
from tests import quiet_logs

SECRET = "fu_" + "a1" * 20
QUESTION = 'Who was Ada Lovelace, "the first" programmer?'
PLANTED = quiet_logs.PLANTED_PROMPT, quiet_logs.PLANTED_ANSWER


@pytest.mark.parametrize("what", [QUESTION, json.dumps(QUESTION), SECRET, *PLANTED])
def test_words_and_secrets_in_a_log_are_found(cloud: Cloud, person: Person, what: str) -> None:
    conversation_id = person.converse("Answer in one short sentence, please.")
    person.ask(conversation_id, QUESTION, max_tokens=8, backend="bedrock")
    person.wait_for("message")
    client, group = cloud.emulator.client("logs"), "/tests/quiet-logs"
    client.create_log_group(logGroupName=group)
    try:
        client.create_log_stream(logGroupName=group, logStreamName="one")
        event = {"timestamp": int(time.time() * 1000), "message": f"the prompt was {what}."}
        client.put_log_events(logGroupName=group, logStreamName="one", logEvents=[event])
        assert [one for one in quiet_logs.breaches(cloud) if one.startswith(group)]
    finally:
        client.delete_log_group(logGroupName=group)
    assert quiet_logs.breaches(cloud) == []
