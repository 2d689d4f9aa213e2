"""A small stack around one launch template, to try the instance host without the whole product.

The worker here is a probe: it reports what a worker on the machine can see, line by line in JSON on its log.
"""

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.emulator import REGION, ROOT, Emulator
from local.instances.places import Places
from tests.cloud import policy, trust, unique

PACED = ("--pace", "100")
PACKAGE_KEY = "worker/package.zip"
PATIENCE_S = 300  # for what must happen; nothing here is measured

PROBE = """
import json, os, signal, time, urllib.request
import boto3
from botocore.utils import IMDSFetcher

class Metadata(IMDSFetcher):
    def read(self, path):
        answer = self._get_request("latest/meta-data/" + path, lambda response: False, self._fetch_metadata_token())
        return answer.text if answer.status_code == 200 else None

def say(**values):
    print(json.dumps(values), flush=True)

def leave(*_):
    say(signal="TERM")
    raise SystemExit(int(os.environ.get("PROBE_STATUS", "0")))

if os.environ.get("PROBE_STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, leave)
metadata = Metadata(config={"ec2_metadata_service_endpoint": os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"]})
say(environment=sorted(os.environ), session=metadata.read("tags/instance/foreverus:session"))
say(arn=boto3.client("sts").get_caller_identity()["Arn"])
while True:
    try:
        urllib.request.urlopen(os.environ["ENGINE_URL"] + "/health").close()
        break
    except OSError:
        time.sleep(0.02)
say(healthy=os.environ["ENGINE_URL"])
while (notice := metadata.read("spot/instance-action")) is None:
    time.sleep(0.05)
say(notice=json.loads(notice))
while True:
    time.sleep(0.05)
"""


def archive(source: str) -> bytes:
    """A function's package with `source` as its worker."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("foreverus/__init__.py", "")
        package.writestr("foreverus/worker/__init__.py", "")
        package.writestr("foreverus/worker/__main__.py", source)
    return file.getvalue()


class Lab:
    """A launch template, its role and the bucket with the package that its machines run."""

    def __init__(
        self, emulator: Emulator, *, life_s: int = 3600, source: str = PROBE, granted: bool = True, **env: str
    ):
        self.emulator = emulator
        self.ec2 = emulator.client("ec2")
        self.name = unique("lab")
        self.role = f"{self.name}-role"
        self._make_role(granted)
        package = archive(source)
        s3 = emulator.client("s3")
        s3.create_bucket(Bucket=self.name)
        s3.put_object(Bucket=self.name, Key=PACKAGE_KEY, Body=package)
        self.user_data = user_data(self.name, hashlib.sha256(package).hexdigest(), life_s, env)
        self.ec2.create_launch_template(
            LaunchTemplateName=self.name,
            LaunchTemplateData={
                "ImageId": "ami-12345678",
                "InstanceType": "g6.xlarge",
                "IamInstanceProfile": {"Name": self.role},
                "UserData": base64.b64encode(self.user_data.encode()).decode(),
            },
        )

    def _make_role(self, granted: bool) -> None:
        iam = self.emulator.client("iam")
        iam.create_role(RoleName=self.role, AssumeRolePolicyDocument=trust("ec2"))
        actions = ["s3:GetObject"] if granted else ["s3:GetObjectTagging"]
        document = policy({"Action": actions, "Resource": f"arn:aws:s3:::{self.name}/worker/*"})
        iam.put_role_policy(RoleName=self.role, PolicyName="worker", PolicyDocument=document)
        iam.create_instance_profile(InstanceProfileName=self.role)
        iam.add_role_to_instance_profile(InstanceProfileName=self.role, RoleName=self.role)

    def launch(self, *, lifecycle: str = "spot", session: str = "ses_lab") -> str:
        """As the state machine does; returns the instance's id."""
        fleet = self.ec2.create_fleet(
            Type="instant",
            LaunchTemplateConfigs=[
                {"LaunchTemplateSpecification": {"LaunchTemplateName": self.name, "Version": "$Latest"}}
            ],
            TargetCapacitySpecification={"TotalTargetCapacity": 1, "DefaultTargetCapacityType": lifecycle},
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "foreverus:session", "Value": session}]}],
        )
        return str(fleet["Instances"][0]["InstanceIds"][0])

    def state(self, instance_id: str) -> str:
        found = self.ec2.describe_instances(InstanceIds=[instance_id])
        return str(found["Reservations"][0]["Instances"][0]["State"]["Name"])

    def terminate(self, instance_id: str) -> None:
        self.ec2.terminate_instances(InstanceIds=[instance_id])


def user_data(bucket: str, digest: str, life_s: int, env: dict[str, str]) -> str:
    """The parts of the launch template's cloud-config that a laptop's machine reads."""
    worker = {"MODEL_ID": "lab", "ENGINE_SLOTS": "2", "CONTEXT_TOKENS": "512", "AWS_DEFAULT_REGION": REGION} | env
    worker |= {"DATA_BUCKET": bucket}
    lines = "\n".join(f"      {key}={value}" for key, value in worker.items())
    return f"""#cloud-config
bootcmd:
  - systemd-run --on-active={life_s}s --timer-property=AccuracySec=1s systemctl poweroff
write_files:
  - path: /etc/foreverus/worker.env
    permissions: "0644"
    content: |
{lines}
  - path: /etc/foreverus/machine.env
    content: |
      PACKAGE_KEY={PACKAGE_KEY}
      PACKAGE_SHA256={digest}
"""


class RunningHost:
    """The host as a process, as `make up` runs it; its engines compute nothing unless `options` say otherwise."""

    def __init__(
        self, emulator: Emulator, state: Path, *, through_a_shell: bool = False, options: Sequence[str] = PACED
    ):
        self.places = Places(state)
        self.log = state / "host.log"
        command = [sys.executable, "-m", "local.instances", "--state", str(state), *options]
        if through_a_shell:
            command = ["sh", "-c", '"$@"; exit $?', "sh", *command]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "HOME": str(state), **emulator.environment()},
                stdout=log,
                stderr=log,
            )

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One of the host's other commands, such as `kill-worker`."""
        command = [sys.executable, "-m", "local.instances", "--state", str(self.places.state), *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)

    def machine(self, instance_id: str) -> dict[str, Any]:
        """The machine's processes and addresses, once its worker has started."""
        path = self.places.processes(instance_id)
        self.wait(path.exists, f"{instance_id} has booted")
        return dict(json.loads(path.read_text()))

    def guard(self) -> int:
        """The process id of the host's guard."""
        listing = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True).stdout
        children = [line.split(None, 2) for line in listing.splitlines()]
        (guard,) = [
            int(pid) for pid, parent, args in children if int(parent) == self.process.pid and "guard.py" in args
        ]
        return guard

    def reports(self, instance_id: str) -> dict[str, Any]:
        """Everything that the probe has said so far."""
        log = self.places.logs / f"{instance_id}-worker.log"
        said: dict[str, Any] = {}
        for line in log.read_text().splitlines() if log.exists() else []:
            if line.startswith("{") and line.endswith("}"):
                said |= json.loads(line)
        return said

    def wait_for_report(self, instance_id: str, key: str, seconds: float = PATIENCE_S) -> Any:
        self.wait(lambda: key in self.reports(instance_id), f"the probe on {instance_id} reports {key}", seconds)
        return self.reports(instance_id)[key]

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not in {seconds} s: {what}\n{self.log.read_text()}"
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)


@contextmanager
def running_host(emulator: Emulator, state: Path, **how: Any) -> Iterator[RunningHost]:
    host = RunningHost(emulator, state, **how)
    try:
        yield host
    finally:
        host.stop()


def runs(pid: int) -> bool:
    """Whether a process runs; a zombie that waits for its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(status.stdout.strip()) and not status.stdout.strip().startswith("Z")
