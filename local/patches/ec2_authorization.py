"""IAM for single instances, images and snapshots.

AWS: TerminateInstances is authorized on each instance's ARN, with the instance's tags as `aws:ResourceTag/…`.
Emulator: authorizes every EC2 action on `*` and knows no tags of instances, so a policy that allows an action on our
instances only allows nothing.

Patch: the actions on existing instances that we use are authorized on each instance, with its tags.
"""

from collections.abc import Iterator
from typing import Any

from local.patches import Options

ACTIONS = {"TerminateInstances", "StopInstances", "StartInstances", "RebootInstances"}
# The emulator passes one resource from finding it to judging it: several travel as one text.
SEPARATOR = " "


def instance_arn(account_id: str, region: str, instance_id: str) -> str:
    return f"arn:aws:ec2:{region}:{account_id}:instance/{instance_id}"


def image_arn(region: str, one: str) -> str:
    """Of an image or a snapshot: it names no account.

    >>> image_arn("us-east-1", "snap-1")
    'arn:aws:ec2:us-east-1::snapshot/snap-1'
    """
    return f"arn:aws:ec2:{region}::{'snapshot' if one.startswith('snap-') else 'image'}/{one}"


def apply(options: Options) -> None:
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import ec2, tagging

    original_resource = iam_actions.extract_resource_arn
    original_enforce = iam_evaluator.enforce

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: Any, query: dict[str, Any], region: str, account: str
    ) -> str:
        if service == "ec2" and ec2._p(query, "Action") in ACTIONS:
            ids = ec2._parse_member_list(query, "InstanceId")
            if ids:
                return SEPARATOR.join(instance_arn(account, region, one) for one in ids)
        return str(original_resource(service, method, path, headers, body, query, region, account))

    def enforce(
        access_key_id: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        for one in resource_arn.split(SEPARATOR) if service == "ec2" else [resource_arn]:
            if denied := original_enforce(access_key_id, action, service, region, one, service_context):
                return denied
        return None

    def collect() -> Iterator[tuple[str, Any]]:
        for (account_id, region, instance_id), tags in list(ec2._tags._data.items()):
            if instance_id.startswith("i-"):
                yield instance_arn(account_id, region, instance_id), tags
            elif instance_id.startswith(("ami-", "snap-")):
                yield image_arn(region, instance_id), tags

    iam_actions.extract_resource_arn = extract_resource_arn
    iam_evaluator.enforce = enforce
    tagging._RESOURCE_TAG_COLLECTORS["ec2"] = collect
