"""A program's request in a trace: as the Lambda Web Adapter tells of it, whole and streamed."""

import json

import httpx
import pytest

from tests.traces import PARENT, ROOT, SAMPLED, kept, parts
from tests.unit.openai_api.world import MODEL, World

ASKED = "what-a-person-asked"


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("header", [SAMPLED, f"Root={ROOT};Sampled=0", "", "nonsense"])
def test_a_request_goes_on_in_the_trace_of_its_invocation(header: str, streams: bool) -> None:
    body = {"model": f"{MODEL}@bedrock", "messages": [{"role": "user", "content": ASKED}], "stream": streams}
    headers = {
        "Authorization": "Bearer user-1",
        "x-amzn-lambda-context": json.dumps({"request_id": "r", "xray_trace_id": header}),
    }
    with World().serving() as url, kept() as segments:
        assert httpx.post(f"{url}/chat/completions", json=body, headers=headers).status_code == 200
    answers = [one for one in segments.documents if one["name"] == "answer"]
    assert len(answers) == (header == SAMPLED)
    for one in answers:
        assert (one["trace_id"], one["parent_id"]) == (ROOT, PARENT)
        assert one["annotations"]["backend"] == "bedrock" and "first token" in parts(one)
        assert ASKED not in json.dumps(segments.documents)
