"""Runs the checks, each by itself: what cannot be looked at is said, and the next one is looked at."""

from collections.abc import Iterator
from dataclasses import replace

from foreverus.aws.account import CannotLook
from foreverus.doctor import after, before
from foreverus.doctor.names import names
from foreverus.doctor.records import Check, Finding, Patient, Verdict, act, note, ok

NO_CREDENTIALS = (
    "NoCredentialsError",
    "ExpiredToken",
    "InvalidClientTokenId",
    "ProfileNotFound",
    "TokenRetrievalError",
)

# Services' words for somebody who may not; what mends it for all of them.
NOT_ALLOWED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")
MAY_READ = "aws iam attach-user-policy --user-name <you> --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess"


def examine(patient: Patient) -> Iterator[Finding]:
    """The findings, in an order to read. Without credentials or a Region the others are not asked."""
    for name in ("credentials", "region"):
        found = _looked(name, before.CHECKS[name], patient)
        yield found
        if found.verdict is Verdict.ACT:
            return
    stack, patient = _stack(patient)
    for name, check in before.CHECKS.items():
        if name not in ("credentials", "region"):
            yield _looked(name, check, patient)
    yield stack
    rest = after.CHECKS if patient.outputs else {} if patient.resources else {"names": names}
    for name, check in rest.items():
        yield _looked(name, check, patient)
    for name, check in after.EVERYWHERE.items():
        yield _looked(name, check, patient)


def _looked(name: str, check: Check, patient: Patient) -> Finding:
    try:
        return check(patient)
    except CannotLook as err:
        if err.code in NO_CREDENTIALS:
            return act(name, f"No credentials that AWS takes ({err.code}).", "aws configure")
        if err.code in NOT_ALLOWED:
            return act(name, f"These credentials may not look at it: {err}", MAY_READ)
        service, operation = err.call.split(":") if ":" in err.call else (err.call, "help")
        return act(name, f"Could not be looked at: {err}", f"aws {service} {operation.replace('_', '-')} help")
    except KeyError as err:  # a stack of another age has other outputs
        return act(name, f"Could not be looked at: the stack has no {err.args[0]}.", "sam deploy")


def _stack(patient: Patient) -> tuple[Finding, Patient]:
    """What CloudFormation says of the stack, and the patient with what it holds."""
    name = patient.stack
    try:
        (found,) = patient.account.call("cloudformation", "describe_stacks", StackName=name)["Stacks"]
        listed = patient.account.call("cloudformation", "list_stack_resources", StackName=name)
    except CannotLook as err:
        if err.code == "ValidationError":  # CloudFormation's word for a stack that is not there
            return note("stack", f"{name} is not deployed in {patient.region}.", "sam build && sam deploy"), patient
        return _looked("stack", _raise(err), patient), patient
    resources = {
        ("Alarm:" if one["ResourceType"] == "AWS::CloudWatch::Alarm" else "") + one["LogicalResourceId"]: one.get(
            "PhysicalResourceId", ""
        )
        for one in listed["StackResourceSummaries"]
    }
    known = replace(
        patient,
        parameters={one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])},
        outputs={one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])},
        resources=resources,
    )
    if found["StackStatus"] in after.GOOD:
        return ok("stack", f"{name} is {found['StackStatus']}"), known
    command = f"aws cloudformation describe-stack-events --stack-name {name} --region {patient.region}"
    return act("stack", f"{name} is {found['StackStatus']}.", command), known


def _raise(err: CannotLook) -> Check:
    def check(patient: Patient) -> Finding:
        raise err

    return check
