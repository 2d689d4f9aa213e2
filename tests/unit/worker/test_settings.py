"""What the worker reads from its environment and its instance."""

import asyncio
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from foreverus.settings.base import MissingSetting
from foreverus.worker.instance import MetadataInstance
from foreverus.worker.settings import WorkerSettings
from local.instances.machine import PYTHON
from tests.unit.worker.harness import settings


def test_missing_variable_is_named() -> None:
    with pytest.raises(MissingSetting, match="TABLE_NAME"):
        WorkerSettings.from_env({})
    with pytest.raises(MissingSetting, match="ENGINE_SLOTS"):
        settings(engine_slots="many")


def test_margins_follow_from_the_settings() -> None:
    assert settings(max_session_seconds=600).max_life_margin_s == 60
    assert settings(max_session_seconds=36000).max_life_margin_s == 120
    assert settings(heartbeat_seconds=2).lost_contact_s == 30
    assert settings(heartbeat_seconds=20).lost_contact_s == 80


def test_worker_starts_with_what_its_instance_installs_and_nothing_that_only_lambdas_need() -> None:
    code = (
        "import sys, foreverus.worker.__main__\n"
        "print([m for m in ('jsonschema', 'aws_lambda_powertools', 'foreverus.handlers', "
        "'foreverus.bootstrap') if m in sys.modules])"
    )
    src = Path(__file__).resolve().parents[3] / "src"
    done = subprocess.run([PYTHON, "-c", code], env={"PYTHONPATH": str(src)}, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


class _Metadata(BaseHTTPRequestHandler):
    tokens = 0
    valid = ""
    pages: dict[str, str]

    def do_PUT(self) -> None:
        type(self).tokens += 1
        type(self).valid = f"token-{self.tokens}"
        self._say(200 if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else 400, self.valid)

    def do_GET(self) -> None:
        if self.headers["X-aws-ec2-metadata-token"] != self.valid:
            return self._say(401, "")
        page = self.pages.get(self.path.removeprefix("/latest/meta-data/"))
        return self._say(404 if page is None else 200, page or "")

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        pass


def test_instance_reads_its_identity_and_its_spot_notice() -> None:
    handler = type(
        "Handler", (_Metadata,), {"pages": {"instance-id": "i-1", "tags/instance/foreverus:session": "ses_1"}}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()

    async def read() -> None:
        instance = MetadataInstance(f"http://127.0.0.1:{server.server_port}/")
        me = await instance.identity()
        assert (me.instance_id, me.session_id) == ("i-1", "ses_1")
        assert await instance.spot_notice() is None
        handler.valid = "the old token has run out"
        handler.pages["spot/instance-action"] = '{"action": "terminate", "time": "2026-01-01T12:02:00Z"}'
        assert str(await instance.spot_notice()) == "terminate at 2026-01-01T12:02:00Z"
        assert await instance.rebalance_recommendation() == ""
        handler.pages["events/recommendations/rebalance"] = '{"noticeTime": "2026-01-01T12:00:00Z"}'
        assert await instance.rebalance_recommendation() == "2026-01-01T12:00:00Z"
        assert handler.tokens == 2
        await instance.aclose()

    try:
        asyncio.run(read())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
