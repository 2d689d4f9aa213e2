"""The laptop's page comes under the headers of template.yaml, so the browser's tests run under them too."""

import httpx
import pytest

from local.cloud import Cloud
from tests.template.page_headers import page_headers

pytestmark = pytest.mark.cloud


@pytest.mark.parametrize("path", ["", "config.json", "nothing-here"])
def test_the_pages_headers_are_the_templates(cloud: Cloud, path: str) -> None:
    url = cloud.emulator.url
    parameters = {
        "ExecuteApiUrl": f"{url}/_aws/execute-api",
        "ExecuteApiWebSocketUrl": f"{url.replace('http', 'ws', 1)}/_aws/execute-api",
        "CognitoUrl": url,
        "FilesUrl": url,
    }
    wanted = page_headers(parameters)
    del wanted["Strict-Transport-Security"]  # the laptop's page speaks HTTP
    answer = httpx.get(cloud.page.url + path, trust_env=False)
    assert {name: answer.headers.get(name) for name in wanted} == wanted
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize(
    ("path", "status"), [("/models", 200), ("/models", 401), ("/nothing/here", 404), ("/conversations/x", 404)]
)
def test_the_apis_answers_are_kept_by_nobody(cloud: Cloud, path: str, status: int) -> None:
    headers = {} if status == 401 else {"Authorization": f"Bearer {cloud.outputs['api_key']}"}
    answer = httpx.get(cloud.outputs["api_url"] + path, headers=headers, trust_env=False, timeout=300)
    assert answer.status_code in (status, 403)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    # As the page and OpenAI's clients read it; of what API Gateway refuses itself, in its own header and in the body.
    named = answer.headers.get("x-request-id") or answer.headers["x-amzn-requestid"]
    assert len(named) == 36 and answer.json().get("request_id", named) == named
