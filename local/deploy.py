"""`sam build` and `sam deploy` of the one template, to the emulator; then a user, an API key and the inbox.

Nothing but parameters tells the template that this is a laptop.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.emulator import NO_CONFIGURATION, Emulator
from local.processes import Child, Failed, tail
from local.state import LOCAL, ROOT, State

STACK = "foreverus"
USERNAME = "student@example.com"
BUILT = LOCAL / "build"
SAM = Path(sys.executable).with_name("sam")
# What a build is made from. A change of any of it makes a new build; nothing else does.
SOURCES = (
    *("template.yaml", "samconfig.toml", "src", "statemachines", "requirements", "frontend/dist"),
    "local/deploy.py",
)
# SAM's own reading of CloudFormation's short forms, as JSON. It changes what PyYAML makes of a mapping, for everybody
# in its process: so it has one of its own.
SAM_READS = """
import json, pathlib, sys
from samcli.yamlhelper import yaml_parse
print(json.dumps(yaml_parse(pathlib.Path(sys.argv[1]).read_text())))
"""
# The engine starts in a second and the worker beats often, so what takes minutes on AWS is noticed in seconds here.
# For tests and measurements, in which one person does what a class does. What has a limit of theirs tests that limit.
AS_A_CLASS = {
    "PersonMessagesPerMinute": "600",
    "PersonOpenBatches": "200",
    "PersonOpenSockets": "500",
    "PersonStoredMegabytes": "1000000",
    "PersonTokensPerDay": "100000000000",
    "PersonRequestsPerMinute": "100000",
    "PersonRequestsAtOnce": "1000",
    "KeyRequestsPerMinute": "100000",
    "KeyRequestsAtOnce": "1000",
    "AllRequestsAtOnce": "1000",
}
PARAMETERS = {
    "PersonGpuStartsPerHour": "600",  # nobody pays for a boot here, and tests start many
    "ModelId": "smollm2-135m-instruct",
    "AbilityImage": f"laptop/abilities@sha256:{'0' * 64}",  # its command runs as a process: local/patches/ecs_tasks.py
    "ContextTokens": "2048",
    "EngineSlots": "8",
    "IdleSeconds": "120",
    "MaxSessionSeconds": "3600",
    "BootTimeoutSeconds": "90",
    "BootHeartbeatSeconds": "20",
    "ServeHeartbeatSeconds": "6",
    "WorkerHeartbeatSeconds": "2",
    "VisibilitySeconds": "20",
    "LogRetentionDays": "1",
    "KeysInAddresses": "true",
}


# SAM builds our functions with make: what an outer one was told (`-n` is "say it only") is not meant for that.
OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")


def fingerprint() -> str:
    """A hash of everything that a build is made from."""
    digest = hashlib.sha256(sys.version.encode())
    for source in SOURCES:
        place = ROOT / source
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in files:
            if file.is_file() and file.suffix != ".pyc":
                digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def sam_environment(state: State, **more: str) -> dict[str, str]:
    """SAM CLI asks the package index for a newer version once a week, and sends telemetry: neither from here."""
    home = state.directory / "tmp" / "sam"
    home.mkdir(parents=True, exist_ok=True)
    (home / "metadata.json").write_text(json.dumps({"telemetryEnabled": False, "lastVersionCheck": time.time()}))
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", *OF_MAKE))},
        "PATH": f"{SAM.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "__SAM_CLI_APP_DIR": str(home),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",  # seconds; its own 5 are for AWS
        "NO_PROXY": "*",
        **NO_CONFIGURATION,
        **more,
    }


def sam(arguments: list[str], environment: dict[str, str], log: Path) -> Child:
    return Child(f"sam {arguments[0]}", [str(SAM), *arguments], log=log, environment=environment, directory=ROOT)


def finish(child: Child) -> None:
    """Waits for its end, and ends it if we are interrupted. Failed, with the end of its log, if it failed."""
    try:
        if child.wait():
            raise Failed(f"`{child.name}` failed. Its log, {child.log}, ends with:\n{tail(child.log, 25)}")
    finally:
        child.stop()


def take_lock() -> int:
    """Waits until nobody of this checkout builds or deploys what is built; nobody begins to before this is closed."""
    BUILT.mkdir(parents=True, exist_ok=True)
    taken = os.open(BUILT, os.O_RDONLY)
    fcntl.flock(taken, fcntl.LOCK_EX)
    return taken


@contextlib.contextmanager
def nobody_builds() -> Iterator[None]:
    """For whoever makes the Lambdas' package without SAM: two that make it take each other's files away."""
    taken = take_lock()
    try:
        yield
    finally:
        os.close(taken)


class Build:
    """`sam build`, if the sources have changed since the last one. `start` it, do something else, `finish` it.

    Builds of one checkout wait for each other and for those who deploy what is built: the lock is on the directory, is
    held until `stop`, and ends with the process that has it.
    """

    def __init__(self, state: State) -> None:
        self.template = BUILT / "sam" / "template.yaml"
        self.mark = BUILT / "fingerprint"
        arguments = ["build", "--build-dir", str(self.template.parent)]
        self.child = sam(arguments, sam_environment(state), state.logs / "build.log")
        self.lock: int | None = None
        self.fingerprint = ""

    def start(self) -> None:
        self.lock = take_lock()
        self.fingerprint = fingerprint()
        if not (self.template.exists() and self.mark.exists() and self.mark.read_text() == self.fingerprint):
            self.mark.unlink(missing_ok=True)
            self.child.start()

    def finish(self) -> Path:
        """The built template. Nobody builds anew until `stop`, but others may deploy it too."""
        assert self.lock is not None
        if self.child.process is not None:
            finish(self.child)
            pack(self.template)
            self.mark.write_text(self.fingerprint)
        fcntl.flock(self.lock, fcntl.LOCK_SH)
        return self.template

    def stop(self) -> None:
        self.child.stop()
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None


def pack(template: Path) -> None:
    """Each function's built folder becomes an archive, and equal ones the same. SAM builds every function by itself,
    and at each deployment compresses every folder by itself: 16 times the same 13 MB, 8 s of a processor. The template
    becomes JSON, which SAM reads in no time; YAML of that length takes it half a second, four times."""
    read = subprocess.run([sys.executable, "-c", SAM_READS, template], stdout=subprocess.PIPE, check=True)
    built, archives = json.loads(read.stdout), {}
    for resource in built["Resources"].values():
        code = resource["Properties"].get("CodeUri") if resource["Type"] == "AWS::Serverless::Function" else None
        if code is None:
            continue
        folder = template.parent / code
        if not any(folder.iterdir()):
            raise Failed(f"`sam build` left nothing in {folder}: remove {template.parent} and run the command again")
        digest = digest_of(folder)
        if digest not in archives:
            archives[digest] = Path(shutil.make_archive(str(folder), "zip", folder)).name
        shutil.rmtree(folder)
        resource["Properties"]["CodeUri"] = archives[digest]
    template.write_text(json.dumps(built))


def digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        content = file.read_bytes()
        digest.update(f"\0{file.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def deploy(state: State, emulator: Emulator, template: Path, page_url: str, more: dict[str, str]) -> dict[str, str]:
    """Deploys; returns the stack's outputs."""
    parameters = {
        **PARAMETERS,
        "DevelopmentPageUrl": page_url,
        "ExecuteApiUrl": f"{emulator.url}/_aws/execute-api",
        "ExecuteApiWebSocketUrl": f"{emulator.url.replace('http', 'ws', 1)}/_aws/execute-api",
        "CognitoUrl": emulator.url,
        "FilesUrl": emulator.url,
        **more,
    }
    config = (
        "--config-file",
        str(ROOT / "samconfig.toml"),
    )  # SAM looks for it beside the template, which is the built one
    arguments = ["deploy", *config, "--template-file", str(template), "--no-progressbar", "--stack-name", STACK]
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    child = sam(
        [*arguments, "--parameter-overrides", *overrides],
        sam_environment(state, **emulator.environment()),
        state.logs / "deploy.log",
    )
    child.start()
    finish(child)
    (stack,) = emulator.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def make_user(emulator: Emulator, pool_id: str, password: str, name: str = USERNAME) -> str:
    """A user with a permanent password; returns the user's id, which is Cognito's `sub`."""
    cognito = emulator.client("cognito-idp")
    made = cognito.admin_create_user(
        UserPoolId=pool_id,
        Username=name,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "email", "Value": name}, {"Name": "email_verified", "Value": "true"}],
    )
    cognito.admin_set_user_password(UserPoolId=pool_id, Username=name, Password=password, Permanent=True)
    return next(one["Value"] for one in made["User"]["Attributes"] if one["Name"] == "sub")


class NoSockets:
    """A key that is made has none to close."""

    def close(self, user_id: str, key_id: str = "") -> int:
        return 0


def make_api_key(
    emulator: Emulator, table_name: str, user_id: str, name: str = "laptop", can_create_keys: bool = False
) -> str:
    """An API key of that user, made as the API makes one. `table_name`: the stack's KeysTableName."""
    from foreverus.access.records import Caller
    from foreverus.access.service import KeyService
    from foreverus.access.store import ApiKeyStore
    from foreverus.aws.dynamo import Table

    store = ApiKeyStore(Table(emulator.client("dynamodb"), table_name))
    service = KeyService(store, NoSockets(), lambda: datetime.now(UTC))
    return str(service.create(Caller(user_id=user_id), {"name": name, "can_create_keys": can_create_keys})["key"])


def new_password() -> str:
    """Twenty characters that keep the user pool's rules: small and capital letters and a digit."""
    while True:
        password = secrets.token_urlsafe(15)
        if (
            any(c.islower() for c in password)
            and any(c.isupper() for c in password)
            and any(map(str.isdigit, password))
        ):
            return password


def outputs_for_people(
    emulator: Emulator, stack: dict[str, Any], page_url: str, password: str, api_key: str
) -> dict[str, Any]:
    """What `.local/outputs.json` holds."""
    return {
        "page_url": page_url,
        "api_url": stack["ApiUrl"],
        "websocket_url": stack["WebSocketUrl"],
        "username": USERNAME,
        "password": password,
        "api_key": api_key,
        "aws_endpoint_url": emulator.url,
        "stack_name": STACK,
    }
