"""What every answer of the REST API carries."""

import pytest

from foreverus.api import responses

ANSWERS = {
    "ok": responses.ok({}),
    "created": responses.created({}),
    "accepted": responses.accepted({}),
    "refused": responses.json_response(400, {}),
    "file": responses.download("text/plain", "a.txt", "words", ""),
    "redirect": responses.download("text/plain", "a.txt", None, "https://bucket"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_page_of_another_origin_may_read_the_answer_and_the_servers_time(name: str) -> None:
    headers = ANSWERS[name]["headers"]
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Expose-Headers"] == "Date,X-Request-Id,*"
    assert headers["Cache-Control"] == "no-store"  # a kept answer would tell an old time
    assert headers["X-Content-Type-Options"] == "nosniff"
