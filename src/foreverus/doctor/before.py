"""Checks that need no stack: may this account run what the template describes?"""

from collections.abc import Mapping

from foreverus.aws.account import CannotLook
from foreverus.doctor.images import NAME, engine_image
from foreverus.doctor.records import Finding, Patient, act, note, ok

SPOT_QUOTA, ON_DEMAND_QUOTA, CONCURRENCY_QUOTA = "L-3819A6DF", "L-DB2E81BA", "L-B99A9384"
VCPUS = 4  # of an xlarge, the smallest that we buy
WANTED_VCPUS = 8  # two instances: one that a spot interruption replaces may not be gone yet
FEW_CALLS_AT_ONCE = 50
# Lambda leaves no fewer of an account's executions to all other functions ("unreserved account concurrency").
ALWAYS_UNRESERVED = 100
RESERVED = 16  # what ReservedConcurrency=guards keeps; a test adds up the template's
MOST_ZONES = 6  # the largest ZoneCount
SPOT_ROLE = "AWSServiceRoleForEC2Spot"


def credentials(patient: Patient) -> Finding:
    who = patient.account.call("sts", "get_caller_identity")
    return ok("credentials", f"account {who['Account']}, {who['Arn']}")


def region(patient: Patient) -> Finding:
    if not patient.region:
        return act("region", "No Region is chosen.", "export AWS_DEFAULT_REGION=us-east-1")
    known = patient.account.call("ec2", "describe_regions", "us-east-1", AllRegions=True)["Regions"]
    status = {one["RegionName"]: one.get("OptInStatus") for one in known}
    if patient.region not in status:
        return act("region", f"{patient.region} is no Region of AWS.", "export AWS_DEFAULT_REGION=us-east-1")
    if status[patient.region] == "not-opted-in":
        command = f"aws account enable-region --region-name {patient.region}"
        return act("region", f"{patient.region} is not enabled in this account.", command)
    return ok("region", patient.region)


def spot_quota(patient: Patient) -> Finding:
    return _gpu_quota(patient, "spot quota", SPOT_QUOTA)


def on_demand_quota(patient: Patient) -> Finding:
    found = _gpu_quota(patient, "on-demand quota", ON_DEMAND_QUOTA)
    return (
        found if not found.command else note(found.name, f"{found.says} Only spot can be bought then.", found.command)
    )


def _gpu_quota(patient: Patient, name: str, code: str) -> Finding:
    quota = _quota(patient, code)
    if quota["Value"] >= VCPUS:
        return ok(name, f"{quota['Value']:g} vCPUs")
    command = (
        f"aws service-quotas request-service-quota-increase --service-code ec2 --quota-code {code} "
        f"--desired-value {WANTED_VCPUS} --region {patient.region}"
    )
    return act(name, f"{quota['Value']:g} vCPUs of GPU instances; {VCPUS} are needed.", command)


def _quota(patient: Patient, code: str) -> Mapping[str, float]:
    """The account's own, or AWS's default where nobody has ever changed it."""
    try:
        found = patient.account.call("service-quotas", "get_service_quota", ServiceCode="ec2", QuotaCode=code)
    except CannotLook as err:
        if err.code != "NoSuchResourceException":
            raise
        asked = "get_aws_default_service_quota"
        found = patient.account.call("service-quotas", asked, ServiceCode="ec2", QuotaCode=code)
    quota: Mapping[str, float] = found["Quota"]
    return quota


def concurrency(patient: Patient) -> Finding:
    name, wanted = "Lambda concurrency", patient.parameter("ReservedConcurrency") == "guards"
    found = patient.account.call("lambda", "get_account_settings")["AccountLimit"]
    limit, free = found["ConcurrentExecutions"], found.get("UnreservedConcurrentExecutions", 0)
    more = (
        "aws service-quotas request-service-quota-increase --service-code lambda "
        f"--quota-code {CONCURRENCY_QUOTA} --desired-value 1000 --region {patient.region}"
    )
    if wanted and limit < ALWAYS_UNRESERVED + RESERVED:
        says = f"{limit} calls at once: ReservedConcurrency=guards needs {ALWAYS_UNRESERVED + RESERVED}."
        return act(name, says, more)
    if limit < FEW_CALLS_AT_ONCE:
        return note(name, f"{limit} calls at once: a class is throttled now and then.", more)
    if not wanted and free >= ALWAYS_UNRESERVED + RESERVED:
        says = f"{limit} calls at once. {RESERVED} of them can be kept for what ends GPUs, whatever else runs."
        return note(name, says, "sam deploy --parameter-overrides ReservedConcurrency=guards")
    return ok(name, f"{limit} calls at once" + (f", {RESERVED} of them kept for what ends GPUs" if wanted else ""))


def spot_role(patient: Patient) -> Finding:
    try:
        patient.account.call("iam", "get_role", RoleName=SPOT_ROLE)
    except CannotLook as err:
        if err.code != "NoSuchEntity":
            raise
        command = "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"
        return act("spot role", "This account has never used spot.", command)
    return ok("spot role", SPOT_ROLE)


def machine_image(patient: Patient) -> Finding:
    name = patient.parameter("GpuImageParameter")
    try:
        found = patient.account.call("ssm", "get_parameter", Name=name)["Parameter"]["Value"]
    except CannotLook as err:
        if err.code != "ParameterNotFound":
            raise
        command = "aws ssm get-parameters-by-path --path /aws/service/deeplearning/ami/x86_64 --recursive"
        return act("machine image", f"{name} is not there. Choose another for GpuImageParameter.", command)
    return ok("machine image", str(found))


def weights(patient: Patient) -> Finding:
    revision = patient.parameter("ModelRevision")
    if revision != "main":
        return ok("weights", f"commit {revision}")
    says = "The commit that is the newest when the data bucket is filled; their owner can push another one until then."
    return note("weights", says, "sam deploy --parameter-overrides ModelRevision=<commit>")


def instance_types(patient: Patient) -> Finding:
    types, offered = patient.parameter("InstanceTypes").split(","), _offers(patient)
    selling = sorted({one["Location"] for one in offered})
    if not selling:
        command = f"aws ec2 describe-instance-type-offerings --region {patient.region}"
        return act(
            "instance types", f"{patient.region} has none of {', '.join(types)}: choose another Region.", command
        )
    names = sorted({one["InstanceType"] for one in offered})
    return ok("instance types", f"{', '.join(names)} in {', '.join(selling)}")


def zones(patient: Patient) -> Finding:
    """Whether the stack's zones, the Region's first ZoneCount, are there and are those that sell our types."""
    filters = [{"Name": "zone-type", "Values": ["availability-zone"]}]
    there = patient.account.call("ec2", "describe_availability_zones", Filters=filters)["AvailabilityZones"]
    names, count = sorted(one["ZoneName"] for one in there), int(patient.parameter("ZoneCount"))
    used, selling = names[:count], {one["Location"] for one in _offers(patient)}
    if len(names) < count:
        command = f"sam deploy --parameter-overrides ZoneCount={len(names)}"
        return act("zones", f"{patient.region} has {len(names)} zones for this account, and not {count}.", command)
    left_out = [name for name in names[:MOST_ZONES] if name in selling and name not in used]
    if not left_out:
        return ok("zones", ", ".join(used))
    command = f"sam deploy --parameter-overrides ZoneCount={names.index(left_out[-1]) + 1}"
    if not selling & set(used):
        return act("zones", f"None of {', '.join(used)} sells our types.", command)
    return note("zones", f"{', '.join(left_out)} sell our types too: with them a GPU is had more often.", command)


def _offers(patient: Patient) -> list[dict[str, str]]:
    """Each of the stack's instance types in each zone that sells it."""
    found: list[dict[str, str]] = patient.account.call(
        "ec2",
        "describe_instance_type_offerings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": patient.parameter("InstanceTypes").split(",")}],
    )["InstanceTypeOfferings"]
    return found


def bedrock(patient: Patient) -> Finding:
    model = patient.parameter("BedrockModelId")
    if not model:
        return note("Bedrock", "BedrockModelId is empty: everything needs a GPU.")
    command = f"aws bedrock list-foundation-models --by-provider mistral --region {patient.region}"
    try:
        details = patient.account.call("bedrock", "get_foundation_model", modelIdentifier=model)["modelDetails"]
    except CannotLook as err:
        if err.code not in ("ResourceNotFoundException", "ValidationException"):  # the second: of a Region without it
            raise
        says = f"{patient.region} does not offer {model}: choose another for BedrockModelId, or leave it empty."
        return act("Bedrock", says, command)
    status = details.get("modelLifecycle", {}).get("status")
    if status != "ACTIVE":
        return act("Bedrock", f"{model} is {status}: choose another for BedrockModelId.", command)
    if not patient.spend:
        return note("Bedrock", f"{model} is offered; whether it answers was not tried.", "foreverus doctor --spend")
    hello = [{"role": "user", "content": [{"text": "Hi"}]}]
    used = patient.account.call(
        "bedrock-runtime", "converse", modelId=model, messages=hello, inferenceConfig={"maxTokens": 1}
    )["usage"]
    return ok("Bedrock", f"{model} answered ({used['totalTokens']} tokens)")


CHECKS = {
    "credentials": credentials,
    "region": region,
    "spot quota": spot_quota,
    "on-demand quota": on_demand_quota,
    "Lambda concurrency": concurrency,
    "spot role": spot_role,
    "machine image": machine_image,
    NAME: engine_image,
    "weights": weights,
    "instance types": instance_types,
    "zones": zones,
    "Bedrock": bedrock,
}
