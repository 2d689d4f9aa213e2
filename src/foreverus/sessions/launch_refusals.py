"""What EC2 means when it launches nothing: an error's name for programs, and what people can do. Pure.

A fleet's answer has codes (`Errors[].ErrorCode`). A call that is refused has none: Step Functions hands on the Java
SDK's text, which is EC2's sentence and `(Service: Ec2, Status Code: …, Request ID: …)`. So a code counts first, and a
sentence of AWS's own where there is no code that we know. Nothing else is decided by a sentence than the name and the
advice: whether the ladder goes on is decided by what EC2 shows (statemachines/gpu_session.asl.json).

Codes and sentences: EC2's API reference ("Error codes for the Amazon EC2 API"), and what people report of CreateFleet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foreverus.costs.launch import Lifecycle
from foreverus.errors import AccountNotVerified, GpuQuotaExceeded, LaunchNotAuthorized, LaunchRefused, NoGpuCapacity


@dataclass(frozen=True, slots=True)
class Said:
    """One error of EC2's. `code` empty: of a call that was refused."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RefusedLaunch:
    """A launch that got no instance. `errors` empty: a fleet that says nothing."""

    lifecycle: str
    errors: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """`error`: the name that a session ends in. `codes`: EC2's; with a star at its end, all that begin so. `sentences`:
    words of EC2's own text, in small letters. `hint`: what people can do; empty: what is said of every such error
    (advice.py)."""

    error: str
    codes: tuple[str, ...]
    sentences: tuple[str, ...] = ()
    hint: str = ""

    def has_code(self, code: str) -> bool:
        return any(code.startswith(one[:-1]) if one.endswith("*") else code == one for one in self.codes)

    def has_sentence(self, message: str) -> bool:
        return any(one in message.lower() for one in self.sentences)


_AWS = "If it does not, write to aws-verification@amazon.com or open a case at AWS Support."

# The code says little: InvalidFleetConfiguration, for one, is also what a zone without the type is called.
INVALID = Reason(
    LaunchRefused.code(),
    ("Invalid*",),
    ("does not exist", "is invalid", "not valid"),
    "Something that the stack launches with was changed or deleted by hand, or a parameter names what does not exist: "
    "deploy the stack again, and look at InstanceTypes and GpuImageParameter.",
)

# In the order in which they count where pools of one fleet differ: what somebody must mend anyway, then what another
# pool or time may have, at last what says least. A type that one zone does not have is no reason where another zone
# says more.
REASONS = (
    Reason(
        LaunchNotAuthorized.code(),
        ("AuthFailure.ServiceLinkedRoleCreationNotPermitted",),
        ("service-linked role",),
        "EC2 needs a role of its own in this account before the first spot instance. Make it once: "
        "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",
    ),
    Reason(
        LaunchNotAuthorized.code(),
        ("UnauthorizedOperation", "AuthFailure", "UnauthorizedAccess", "AccessDenied*"),
        ("not authorized to perform",),
    ),
    Reason(
        AccountNotVerified.code(),
        ("PendingVerification",),
        ("is being validated", "is being verified", "pending verification"),
        "AWS is still verifying this new account in this Region. That takes minutes, at most four hours, and AWS sends "
        f"a mail when it is done: try again then. {_AWS}",
    ),
    Reason(
        AccountNotVerified.code(),
        ("Blocked", "OptInRequired", "AccountDisabled"),
        ("currently blocked", "not subscribed to this service", "is suspended"),
        f"AWS does not let this account use EC2: look for a mail of AWS about its verification or its bill. {_AWS}",
    ),
    Reason(
        NoGpuCapacity.code(),
        ("InsufficientInstanceCapacity", "UnfulfillableCapacity", "InsufficientHostCapacity", "InsufficientCapacity*"),
        (
            "do not have sufficient",
            "insufficient capacity",
            "no spot capacity available",
            "unable to fulfill capacity",
            "capacity-not-available",
        ),
    ),
    Reason(
        NoGpuCapacity.code(),
        ("SpotMaxPriceTooLow",),
        ("lower than the minimum required spot request fulfillment price",),
        "Spot costs as much as on-demand right now. Try again later, or allow on-demand.",
    ),
    Reason(
        GpuQuotaExceeded.code(),
        (
            *("MaxSpotInstanceCountExceeded", "VcpuLimitExceeded", "InstanceLimitExceeded", "MaxFleetCountExceeded"),
            "SpotInstanceCountLimitExceeded",
        ),
        (
            "max spot instance count exceeded",
            "vcpu capacity than your current vcpu limit",
            "your current instance limit",
        ),
    ),
    Reason(
        NoGpuCapacity.code(),
        ("InsufficientFreeAddressesInSubnet",),
        ("not enough free addresses",),
        "The stack's subnets have no free address, so something else fills them: look at the network interfaces of the "
        "stack's VPC in the EC2 console, and delete what is not this stack's.",
    ),
    Reason(
        NoGpuCapacity.code(),
        ("Unsupported", "VolumeTypeNotAvailableInZone"),
        ("not supported in your requested availability zone", "is currently not supported"),
        "None of the stack's zones offers these types. See where they are sold: "
        "aws ec2 describe-instance-type-offerings "
        "--location-type availability-zone --filters Name=instance-type,Values=g6.xlarge,g5.xlarge,g6e.xlarge; then "
        "deploy with other InstanceTypes or another ZoneCount.",
    ),
    Reason(
        LaunchRefused.code(),
        ("RequestLimitExceeded", "Throttling*", "EC2ThrottledException"),
        ("request limit exceeded", "rate exceeded"),
        "AWS takes no more calls of this account just now. Try again in a minute.",
    ),
    Reason(
        LaunchRefused.code(),
        ("InternalError", "InternalFailure", "Unavailable", "ServiceUnavailable", "Server.*"),
        ("internal error", "service is unavailable", "temporarily unavailable"),
        "The failure is AWS's. Try again in some minutes; https://health.aws.amazon.com says whether more is wrong.",
    ),
    Reason(
        LaunchRefused.code(),
        ("VolumeLimitExceeded", "MaxIOPSLimitExceeded"),
        ("maximum gp3 storage limit",),
        "The account's quota of gp3 storage is used up: delete volumes, or raise 'Storage for General Purpose SSD "
        "(gp3) volumes' in Service Quotas (Amazon Elastic Block Store).",
    ),
    INVALID,
)

WITHOUT_A_WORD = Reason(NoGpuCapacity.code(), ())
UNKNOWN = Reason(LaunchRefused.code(), ())


def reason(errors: Sequence[Said]) -> Reason:
    """Why a launch got no instance: the weightiest of what EC2 said.

    >>> reason([Said("VcpuLimitExceeded", "…"), Said("Unsupported", "…")]).error
    'GpuQuotaExceeded'
    >>> reason([Said("", "Max spot instance count exceeded (Service: Ec2, Status Code: 400)")]).error
    'GpuQuotaExceeded'
    >>> reason([Said("SomethingNew", "A word that nobody has heard yet.")]).error
    'LaunchRefused'
    """
    if not errors:
        return WITHOUT_A_WORD
    return min((_of(one) for one in errors), key=_weight)


def _of(said: Said) -> Reason:
    """By its code; by its sentence where there is no code that says anything."""
    by_code = next((one for one in REASONS if one.has_code(said.code)), UNKNOWN)
    by_sentence = next((one for one in REASONS if one.has_sentence(said.message)), UNKNOWN)
    return by_sentence if by_code in (UNKNOWN, INVALID) and by_sentence is not UNKNOWN else by_code


def _weight(one: Reason) -> int:
    return REASONS.index(one) if one in REASONS else len(REASONS)


def refused_launches(fleets: Iterable[Mapping[str, Any]]) -> tuple[RefusedLaunch, ...]:
    """The launches of the try that a session ended with: spot, and on-demand where that was tried after it. `fleets`:
    what `gpu_session` heard beside each launch of the session's whole life, in its order: `lifecycle` and `errors` as
    CreateFleet answers, or what was `said` where the call was refused."""
    launches = [RefusedLaunch(one["lifecycle"], _errors(one)) for one in fleets]
    both = len(launches) > 1 and launches[-1].lifecycle == Lifecycle.ON_DEMAND
    return tuple(launches[-2:] if both else launches[-1:])


def _errors(fleet: Mapping[str, Any]) -> tuple[Said, ...]:
    if fleet.get("said"):
        return (Said("", fleet["said"]),)
    return tuple(Said(one["ErrorCode"], one.get("ErrorMessage") or "") for one in fleet["errors"])


def reasons(launches: Sequence[RefusedLaunch]) -> tuple[Reason, ...]:
    """Of a session that ended in LaunchRefused: the last launch's, whose name is the session's error, then those before
    it that are others."""
    return tuple(dict.fromkeys(reason(one.errors) for one in reversed(launches)))
