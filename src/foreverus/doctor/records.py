"""What a check finds. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from foreverus.aws.account import Account, CannotLook


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"  # worth knowing; nothing has to be done
    ACT = "act"  # something has to be done, or could not be looked at


@dataclass(frozen=True)
class Finding:
    """`command`: what mends it, to be pasted; empty where nothing has to be done."""

    name: str
    verdict: Verdict
    says: str
    command: str = ""


@dataclass(frozen=True)
class WebAnswer:
    """`headers` by their names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


Fetch = Callable[[str, str, Mapping[str, str]], WebAnswer]  # method, address, headers; raises CannotLook


def offline(method: str, url: str, headers: Mapping[str, str]) -> WebAnswer:
    raise CannotLook(url, "offline", "nothing but AWS is asked")


@dataclass(frozen=True)
class Patient:
    """What is looked at. `resources`: the stack's, physical id by logical id; both empty before the deployment.
    `fetch`: how another place than AWS is asked."""

    account: Account
    now: datetime
    stack: str = "foreverus"
    fetch: Fetch = offline
    spend: bool = False  # a call of one token may be made, which costs less than US$ 0.00001
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    resources: dict[str, str] = field(default_factory=dict)

    @property
    def region(self) -> str:
        return self.account.region

    def parameter(self, name: str) -> str:
        return self.parameters.get(name, DEFAULTS[name])


Check = Callable[[Patient], Finding]

# The template's own defaults: before the deployment there is no stack to ask. A test holds them equal.
DEFAULTS = {
    "ModelRevision": "main",
    "ZoneCount": "3",
    "ReservedConcurrency": "none",
    "EngineImage": "vllm/vllm-openai:v0.28.0@sha256:61fc8a896b0a4fbbbdc063bc4b0dbc25ce98e02b5050c24aeb7830ac02039b14",
    "BedrockModelId": "mistral.mistral-7b-instruct-v0:2",
    "InstanceTypes": "g6.xlarge,g5.xlarge,g6e.xlarge",
    "GpuImageParameter": "/aws/service/deeplearning/ami/x86_64/base-with-single-cuda-ubuntu-24.04/latest/ami-id",
}
# The longest that an instance may live whatever fails, minutes: docs/runbook.md, "The bound"; held equal by a test.
BOUND_MINUTES = 384


def ok(name: str, says: str) -> Finding:
    return Finding(name, Verdict.OK, says)


def note(name: str, says: str, command: str = "") -> Finding:
    return Finding(name, Verdict.NOTE, says, command)


def act(name: str, says: str, command: str) -> Finding:
    return Finding(name, Verdict.ACT, says, command)
