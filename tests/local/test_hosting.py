"""The API as a process, beside the API on Lambda: the same requests, the same answers.

Both have the same stack behind them. Two people who have nothing yet ask the same things in the same order, one of them
here and the other there. The paced engine stands in for the model.
"""

import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from foreverus.serve import bundle
from foreverus.serve.stack import HostKind
from local import deploy
from local.cloud import Cloud, running
from local.processes import Child, answers
from local.state import LOCAL, ROOT
from tests.cloud import unique
from tests.local import hosting_requests, hosts
from tests.local.hosting_requests import MODEL, Ask, compared, said
from tests.local.sessions import wait_until
from tests.pentest import credentials, people
from tests.pentest.people import Somebody

pytestmark = pytest.mark.cloud

PACE = 1000.0
Host = tuple[str, Child]


@pytest.fixture(scope="module")
def paced() -> Iterator[Cloud]:
    place = LOCAL / "tests" / unique("hosting")
    with running(place, lambda text: None, usual_ports=False, wait_scale=0.02, pace=PACE) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def settings(paced: Cloud) -> dict[str, str]:
    """With the credentials of a role that may what the functions may."""
    needs = hosts.needs_of(paced)
    return {**needs.settings, **hosts.credentials(paced, needs, HostKind.ECS)}


@pytest.fixture(scope="module")
def host(paced: Cloud, settings: dict[str, str]) -> Iterator[Host]:
    with hosts.process(paced, settings) as made:
        yield made


class Side:
    """One of the two ways, and who asks there."""

    def __init__(self, address: str, who: Somebody, theirs: str):
        self.known = {"theirs": theirs, "own": who.key, "token": people.sign_in(who)["access_token"]}
        self.who = who
        self.http = httpx.Client(base_url=address, timeout=300, trust_env=False)

    def ask(self, ask: Ask) -> httpx.Response:
        headers = {name: value.encode("latin-1") for name, value in ask.headers.items()}
        if ask.key is not None:
            headers["authorization"] = f"Bearer {self.known[ask.key]}".encode()
        path, body = ask.path, ask.body
        for name, value in self.known.items():
            path = path.replace(f"{{{name}}}", value)
            body = body.replace(f"{{{name}}}".encode(), value.encode()) if len(body) < 10_000 else body
        request = self.http.build_request(ask.method, "/", content=body, headers=list(headers.items()))
        request.url = request.url.copy_with(raw_path=self.http.base_url.raw_path.rstrip(b"/") + path.encode())
        answer = self.http.send(request)
        if ask.saves:
            made = answer.json()
            self.known |= {ask.saves: made["id"], f"{ask.saves}_secret": made.get("key", "")}
        return answer


@pytest.fixture(scope="module")
def ways(paced: Cloud, host: Host) -> Iterator[list[Side]]:
    """On Lambda, and as a process."""
    third = people.make(paced, f"{unique('third')}@example.com")
    theirs = third.call("POST", "/conversations", json={"title": "not yours"})["id"]
    both = [
        Side(address, people.make(paced, f"{unique('asks')}@example.com"), theirs)
        for address in (paced.outputs["api_url"], host[0])
    ]
    yield both
    for one in both:
        one.http.close()


def test_two_hundred_requests_are_answered_alike(ways: list[Side]) -> None:
    asked = [*hosting_requests.written(), *hosting_requests.generated()]
    assert len(asked) >= 200
    statuses = set()
    for ask in asked:
        there, here = (compared(way.ask(ask)) for way in ways)
        assert here == there, replace(ask, body=ask.body[:200])
        statuses.add(there[0])
    assert statuses >= {200, 201, 202, 400, 401, 403, 404, 409, 413}


def test_whoever_may_not_come_in_there_may_not_here(paced: Cloud, ways: list[Side]) -> None:
    """Everything that opens nothing, one after the other; of the gateway one is enough, others ask it all of them
    (tests/pentest). And who signed in may come in, on both ways."""
    address = f"{paced.emulator.url}/{paced.stack['UserPoolId']}/.well-known/jwks.json"
    jwks = httpx.get(address, trust_env=False).text
    forged = credentials.forged_tokens(ways[0].known["token"], jwks, "somebody-else")
    wrong = {**forged, **credentials.mangled_keys(ways[0].known["own"])}
    there = compared(ways[0].ask(Ask("GET", "/conversations", key=None)))
    for what, credential in wrong.items():
        asked = Ask("GET", "/conversations", headers={"authorization": f"Bearer {credential}"}, key=None)
        here = compared(ways[1].ask(asked))
        assert here == there and here[0] == 401, what
    for ask in (Ask("GET", "/me", key="token"), Ask("POST", "/tickets", key="token")):
        there, here = (compared(way.ask(ask)) for way in ways)
        assert here == there and here[0] < 300


def test_what_one_way_made_the_other_shows_and_deletes(ways: list[Side]) -> None:
    for made_by, shown_by in (ways, reversed(ways)):
        asks = Side(str(shown_by.http.base_url), made_by.who, "")
        made = made_by.ask(said("POST", "/conversations", {"title": "one"})).json()["id"]
        assert asks.ask(Ask("GET", f"/conversations/{made}")).json()["title"] == "one"
        assert asks.ask(Ask("DELETE", f"/conversations/{made}")).status_code == 200
        assert made_by.ask(Ask("GET", f"/conversations/{made}")).status_code == 404
        asks.http.close()


def test_what_is_in_work_ends_before_the_process_does(paced: Cloud, settings: dict[str, str]) -> None:
    """The engine waits in the middle of an answer while the process is told to end."""
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "count to 40"}], "stream": True}
    headers = {"Authorization": f"Bearer {paced.outputs['api_key']}"}
    paced.bedrock_pace.write_text("5")
    with (
        hosts.process(paced, settings) as (address, child),
        httpx.stream(
            "POST", f"{address}/chat/completions", json=asked, headers=headers, timeout=300, trust_env=False
        ) as answer,
    ):
        chunks = answer.iter_lines()
        assert answer.status_code == 200 and next(chunks).startswith("data: ")
        paced.bedrock_pace.write_text("0")
        assert child.process is not None
        child.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not answers(address.replace("/v1", "/healthz")), "nobody is let in any more")
        assert child.process.poll() is None
        paced.bedrock_pace.write_text(str(PACE))
        text = "".join(chunks)
        assert text.endswith("data: [DONE]") and '" 40"' in text
        assert child.process.wait(60) in (0, -signal.SIGTERM)
    paced.bedrock_pace.unlink()
    assert "cancel" not in child.log.read_text().lower()


@pytest.fixture(scope="module")
def unpacked(paced: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip that `make beanstalk` makes, as Beanstalk unpacks it."""
    place = tmp_path_factory.mktemp("beanstalk")
    made = ["make", "--silent", "-C", "src", "build-Host", f"ARTIFACTS_DIR={place / 'files'}"]
    with deploy.nobody_builds():
        subprocess.run(made, cwd=ROOT, check=True, capture_output=True, text=True)
    bundle.write(hosts.needs_of(paced), place / "files", ROOT / "hosting" / "beanstalk", place / "one.zip")
    with zipfile.ZipFile(place / "one.zip") as zipped:
        zipped.extractall(place / "current")
    return place / "current"


def test_the_bundle_starts_where_nothing_is_installed_and_writes_nothing(
    paced: Cloud, settings: dict[str, str], unpacked: Path
) -> None:
    """With what Beanstalk starts, a Python without packages, and the settings of the bundle alone."""
    found = sorted(path for path in unpacked.rglob("*"))
    (command,) = re.findall(r"^web: (.+)$", (unpacked / "Procfile").read_text(), re.MULTILINE)
    own = {name: value for name, value in settings.items() if name in hosts.CREDENTIALS}
    own |= {"PATH": f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin", "PYTHONPATH": "", "PYTHONNOUSERSITE": "1"}
    key = {"Authorization": f"Bearer {paced.outputs['api_key']}"}
    with hosts.process(paced, own, command.split(), unpacked) as (address, _):
        over_http = httpx.get(f"{address}/models", headers=key, trust_env=False)
        assert over_http.status_code == 403 and "HTTPS" in over_http.text
        asked = {"headers": {**key, "X-Forwarded-Proto": "https"}, "timeout": 60, "trust_env": False}
        assert httpx.get(f"{address}/models", **asked).json()["data"]
        told = {"model": MODEL, "messages": [{"role": "user", "content": "count to 2"}]}
        answer = httpx.post(f"{address}/chat/completions", json=told, **asked)
        assert answer.json()["choices"][0]["message"]["content"] == "1 2"
    where = "import boto3, joserfc, starlette, uvicorn, jsonschema as one; print(boto3.__file__, one.__file__)"
    python = [Path(sys.base_prefix) / "bin" / "python3", "-B", "-c", where]
    seen = subprocess.run(
        python, cwd=unpacked, env={"PYTHONNOUSERSITE": "1"}, capture_output=True, text=True, check=True
    )
    assert all(path.startswith(str(unpacked)) for path in seen.stdout.split())
    assert sorted(path for path in unpacked.rglob("*")) == found
