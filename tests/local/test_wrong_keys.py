"""A credential that opens nothing, as OpenAI's own client and a WebSocket see it."""

import openai
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from local.cloud import Cloud

pytestmark = pytest.mark.cloud

WRONG = ["fu_nobodys", "fu_", "sk-of-somebody-else", "a.b.c", "x" * 3000]


@pytest.mark.parametrize("key", WRONG)
def test_openais_client_raises_its_authentication_error(cloud: Cloud, key: str) -> None:
    client = openai.OpenAI(base_url=cloud.outputs["api_url"], api_key=key, max_retries=0)
    with client, pytest.raises(openai.AuthenticationError) as refused:
        client.models.list()
    assert refused.value.code == "invalid_api_key"
    assert refused.value.type == "invalid_request_error"


@pytest.mark.parametrize("key", WRONG[:3])
def test_a_socket_is_refused(cloud: Cloud, key: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{cloud.outputs['websocket_url']}?token={key}", proxy=None, open_timeout=300).close()
    assert refused.value.response.status_code == 401
