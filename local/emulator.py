"""The AWS emulator as a child process, and clients for it."""

import functools
import os
import secrets
import signal
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local.ports import Port
from local.processes import LOOPBACK, Child, Failed, answers, wait_until

ROOT = Path(__file__).resolve().parents[1]
INTERPRETER = ROOT / ".local" / "ministack" / "bin" / "python"
USUAL_PORT = 4566
RESTART_S = 30.0
START_S = 600.0  # an end is seen at once, so this is for what hangs: it takes 2 s alone and 22 s at a load of 27
REGION = "us-east-1"
ACCOUNT = "000000000000"
# The emulator's root user. Real keys are never read: the configuration files are empty for everything that we start.
ROOT_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
NO_CONFIGURATION = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


class Emulator:
    """MiniStack on a free port of loopback. Its state is in memory and ends with it."""

    def __init__(
        self,
        state: Path,
        log: Path,
        *,
        postgres: Path | None = None,
        patched: bool = True,
        port: int = 0,
        wait_scale: float = 1,
        faults: bool = False,
        bedrock: str | None = None,
        counts: bool = False,
    ) -> None:
        """postgres: the connection file of our PostgreSQL. wait_scale: of Step Functions' waits and retry intervals.
        faults: whether it takes rules that make calls fail; see local/faults. bedrock: the address of its model.
        counts: whether it counts what is asked of it; see local/counts."""
        self._port = Port(port)
        self.port = self._port.number
        self._nonce = secrets.token_hex(16)
        self.url = f"http://{LOOPBACK}:{self.port}"
        temporary = state / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        options = ["--postgres", str(postgres)] if postgres else []
        options += [*([] if patched else ["--unpatched"]), *(["--faults"] if faults else [])]
        options += [*(["--bedrock", bedrock] if bedrock else []), *(["--counts"] if counts else [])]
        self._command = [str(INTERPRETER), "-m", "local.ministack", "--nonce", self._nonce, *options]
        self.child = Child(
            "emulator",
            self._command,
            log=log,
            directory=ROOT,
            stop_signal=signal.SIGKILL,  # it has nothing to save, and would wait for every open connection first
            # Lambda functions inherit this environment: nothing is in it that a function on AWS would not have.
            environment={
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": str(temporary),
                "TMPDIR": str(temporary),
                "LC_ALL": "C.UTF-8",
                "PYTHONUNBUFFERED": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                "GATEWAY_PORT": str(self.port),
                "BIND_HOST": LOOPBACK,
                "AUTH": "true",
                "MINISTACK_REGION": REGION,
                "STATE_DIR": str(temporary / "state"),
                "PERSIST_STATE": str(int(faults)),  # for `restart`
                "S3_DATA_DIR": str(temporary / "s3"),
                "S3_PERSIST": str(int(faults)),
                # Never a container, even where there is Docker: one behaviour on every laptop, and nobody else's
                # containers are looked at.
                "DOCKER_HOST": f"unix://{temporary}/no-docker.sock",
                "SFTP_ENABLED": "0",
                "IOT_MTLS_ENABLED": "0",
                "SFN_WAIT_SCALE": str(wait_scale),
                **NO_CONFIGURATION,
                **ROOT_KEYS,
            },
        )

    def start(self) -> None:
        if not INTERPRETER.exists():
            raise Failed("The AWS emulator is not installed. Run: make install")
        self._start()

    def _start(self) -> None:
        """With the socket that we have opened. Only it has that from now on: when it is gone, nobody answers."""
        try:
            listener = self._port.listener()
        except OSError as problem:
            raise Failed(f"Another program has taken port {self.port} of {LOOPBACK} meanwhile: {problem}") from None
        with listener:
            number = listener.fileno()
            self.child.sockets = (number,)
            self.child.command = [*self._command, "--socket", str(number)]
            self.child.start()

    def wait(self) -> None:
        """Until it answers. Failed when what answers is not the one that we have started: nothing may be deployed
        into somebody else's cloud."""
        wait_until(self._is_ready, START_S, "The AWS emulator", self.child.ended)

    def _is_ready(self) -> bool:
        if not answers(f"{self.url}/_ministack/ready"):
            return False
        if _read(f"{self.url}/_foreverus/nonce") != self._nonce:
            raise Failed(f"What answers at {self.url} is not the emulator that was started here. End it, or try again.")
        return True

    def stop(self) -> None:
        self.child.stop()
        self._port.close()

    def restart(self) -> None:
        """As after a crash of the control plane: its records are kept, and what ran in it is over (executions end as
        FAILED, and no event tells of it). Only with `faults`."""
        order = urllib.request.Request(f"{self.url}/_foreverus/faults", data=b'{"op": "save"}')
        with urllib.request.urlopen(order, timeout=RESTART_S):
            self.child.stop()
        self._start()
        self.wait()

    def environment(self) -> dict[str, str]:
        """What a program needs to find the emulator instead of AWS, as its root user."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": REGION, **ROOT_KEYS, **NO_CONFIGURATION}

    def client(self, service: str, **credentials: Any) -> Any:
        """A boto3 client; as the root user unless credentials are given."""
        return client(self.url, service, **credentials)


def _read(url: str) -> str:
    """What a GET answers, empty where it is refused."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read(100).decode("latin-1"))
    except (OSError, ValueError):
        return ""


@functools.cache  # a client takes up to half a second to make, and may be shared by threads
def client(url: str, service: str, **credentials: Any) -> Any:
    credentials = credentials or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.session.Session().client(
        service,
        endpoint_url=url,
        region_name=REGION,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        **credentials,
    )
