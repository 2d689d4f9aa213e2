"""The engine that counts: whole answers, as the lines of a batch get them."""

import asyncio
import subprocess
import sys
from typing import Any

import httpx
import pytest

from local.faults import engine as counting
from local.processes import LOOPBACK, free_port
from tests.faults.batch import counted, numbers


async def ask(*orders: str, path: str = "/v1/chat/completions") -> list[httpx.Response]:
    engine = counting.Engine("counting")
    engine.ready_at = 0.0
    server = await asyncio.start_server(engine.serve, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", trust_env=False) as client:
        bodies: list[dict[str, Any]] = [
            {"messages": [{"role": "user", "content": order}]} if "chat" in path else {"prompt": order}
            for order in orders
        ]
        return [await client.post(path, json=body) for body in bodies]


def text(answer: httpx.Response) -> str:
    choice = answer.json()["choices"][0]
    return str(choice["text"] if "text" in choice else choice["message"]["content"])


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_a_whole_answer_is_counted_in_one_piece(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    order = f"a-1: count to {numbers(3)}"
    (answer,) = asyncio.run(ask(order, path=path))
    assert text(answer) == counted(numbers(3))
    assert answer.json()["usage"]["completion_tokens"] == numbers(3)
    assert answer.json()["choices"][0]["finish_reason"] == "stop"
    assert capsys.readouterr().out.splitlines() == [f"asked: {order}", f"answered: {order}"]


@pytest.mark.parametrize("mishap", [*counting.MISHAPS, *counting.REFUSALS])
def test_a_mishap_happens_once_and_is_no_answer(mishap: str, capsys: pytest.CaptureFixture[str]) -> None:
    order = f"count to 5, then at 3: {mishap}"
    if mishap == "cut":
        with pytest.raises(httpx.RemoteProtocolError):
            asyncio.run(ask(order))
        return
    bad, good = asyncio.run(ask(order, order))
    assert text(good) == "1 2 3 4 5"
    assert bad.status_code == {"refusal": 500, "busy": 429}.get(mishap, 200)
    assert "1 2 3 4 5" not in bad.text
    assert capsys.readouterr().out.count("answered: ") == 1


def test_poison_kills_the_engine() -> None:
    port = free_port()
    command = [sys.executable, "-m", "local.faults.engine", "--port", str(port)]
    engine = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", trust_env=False) as client:
            wait_until_ready(client)
            with pytest.raises(httpx.HTTPError):
                client.post("/v1/completions", json={"prompt": "count to 5, then at 3: crash"})
        assert engine.wait(10) == 1
    finally:
        engine.kill()
        engine.wait()


def wait_until_ready(client: httpx.Client) -> None:
    for _ in range(200):
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.ConnectError:
            pass
        asyncio.run(asyncio.sleep(0.05))
    raise TimeoutError("the engine does not start")
