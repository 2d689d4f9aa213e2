"""A state machine acts under its role.

AWS: every task calls its service under the state machine's role; what the role may not do, fails.
Emulator: calls its services directly, so a role without any permission works.

Patch: before each task, the role's policies are asked for what the call needs on AWS (Service Authorization Reference;
for an instant fleet also what EC2 needs to launch its instances). Services that our machines do not use are not asked.
"""

import json
from collections.abc import Callable
from typing import Any

from local.patches import Options
from local.patches.ec2_authorization import image_arn, instance_arn
from local.patches.ecs_authorization import CLUSTER, cluster_arn, run_task_checks, task_arn
from local.patches.iam_leading_keys import context as leading_context
from local.patches.iam_leading_keys import leading_keys
from local.patches.states_tasks import current_execution
from local.sdk_text import ec2_denial, sdk_text

# What IAM is asked: action, resource, and the request's condition keys.
Check = tuple[str, str, dict[str, Any]]


class Place:
    """Builds ARNs of the request's account and region."""

    def __init__(self, account_id: str, region: str) -> None:
        self.account_id = account_id
        self.region = region

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"

    def ec2(self, resource: str) -> str:
        return self.arn("ec2", resource)


def apply(options: Options) -> None:
    from ministack import app as gateway
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import stepfunctions as states

    if not gateway.AUTH:
        return
    original_invoke = states._invoke_resource
    original_callback = states._invoke_with_callback

    def authorize(resource: str, arguments: Any) -> None:
        execution = current_execution()
        machine = states._state_machines.get((execution or {}).get("stateMachineArn", ""))
        if machine is None:
            return  # TestState has a role of its own request, and no machine
        place = Place(get_account_id(), get_region())
        for action, wanted, context in checks(resource, arguments or {}, place):
            if not allowed(machine["roleArn"], execution["name"], action, wanted, context, place):
                role = machine["roleArn"].rpartition("/")[2]
                user = f"arn:aws:sts::{place.account_id}:assumed-role/{role}/{execution['name']}"
                raise states._ExecutionError(*denial(states, resource, user, action, wanted))

    def invoke_resource(resource: str, arguments: Any) -> Any:
        authorize(resource, arguments)
        return original_invoke(resource, arguments)

    def invoke_with_callback(resource: str, arguments: Any, token: str, state: dict[str, Any]) -> Any:
        authorize(resource, arguments)
        return original_callback(resource, arguments, token, state)

    states._invoke_resource = invoke_resource
    states._invoke_with_callback = invoke_with_callback


def denial(states: Any, resource: str, user: str, action: str, wanted: str) -> tuple[str, str]:
    """The error's name and cause, as Step Functions gives them for this kind of task."""
    sdk = ":aws-sdk:" in resource
    service = resource.split(":")[6].lower() if sdk else resource.partition(":::")[2].split(":")[0]
    if sdk and service == "ec2":
        return "Ec2.Ec2Exception", ec2_denial(user, action, wanted)
    names = {"lambda": "Lambda.AWSLambdaException", "sns": "SNS.AuthorizationErrorException"}
    own = names.get(service, f"{service.capitalize()}.AccessDeniedException")
    name = str(states._prefix_sdk_error(service, "AccessDeniedException")) if sdk else own
    sentence = (
        f"User: {user} is not authorized to perform: {action} on resource: {wanted} because no identity-based policy "
        f"allows the {action} action"
    )
    return name, sdk_text(sentence, name.partition(".")[0], 403 if service in ("lambda", "sns") else 400)


def allowed(role_arn: str, session: str, action: str, resource: str, context: dict[str, Any], place: Place) -> bool:
    from ministack.core import iam_evaluator
    from ministack.services.tagging import resource_tags

    role = role_arn.rpartition("/")[2]
    keys = {key.lower(): value for key, value in context.items()}
    keys.setdefault("aws:tagkeys", None)
    for name, value in (resource_tags(resource) or {}).items():
        keys.setdefault(f"aws:resourcetag/{name}".lower(), value)
    request = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{place.account_id}:assumed-role/{role}/{session}",
        principal_type="AssumedRole",
        principal_account=place.account_id,
        action=action,
        resource_arn=resource,
        region=place.region,
        secure_transport=True,
        service_context=keys,
    )
    policies = iam_evaluator._gather_role_policies(role, place.account_id)
    return bool(iam_evaluator.evaluate(request, policies).decision == "Allow")


def checks(resource: str, arguments: dict[str, Any], place: Place) -> list[Check]:
    """What a task asks IAM."""
    resource = resource.replace(".waitForTaskToken", "").replace(".sync", "")
    if ":aws-sdk:" in resource:
        service, action = resource.split(":")[6:8]
        return sdk_checks(service.lower(), action[:1].upper() + action[1:], arguments, place)
    if resource.startswith("arn:aws:lambda:"):
        return [("lambda:InvokeFunction", resource, {})]
    kind = resource.partition(":::")[2]
    if kind == "ecs:runTask":
        return run_task_checks(arguments, place)
    finder: dict[str, Callable[[], Check]] = {
        "lambda:invoke": lambda: ("lambda:InvokeFunction", function_arn(arguments["FunctionName"], place), {}),
        "sns:publish": lambda: ("sns:Publish", arguments["TopicArn"], {}),
        "sqs:sendMessage": lambda: ("sqs:SendMessage", queue_arn(arguments["QueueUrl"], place), {}),
        "states:startExecution": lambda: ("states:StartExecution", arguments["StateMachineArn"], {}),
        **{
            f"dynamodb:{name}": lambda name=name: (  # type: ignore[misc]
                f"dynamodb:{name[:1].upper()}{name[1:]}",
                place.arn("dynamodb", f"table/{arguments['TableName']}"),
                leading_context(leading_keys(arguments)),
            )
            for name in ("getItem", "putItem", "updateItem", "deleteItem")
        },
    }
    try:
        return [finder[kind]()] if kind in finder else []
    except KeyError:
        return []  # the call itself will say which argument is missing


def function_arn(name: str, place: Place) -> str:
    return name if name.startswith("arn:") else place.arn("lambda", f"function:{name}")


def queue_arn(url: str, place: Place) -> str:
    return place.arn("sqs", url.rpartition("/")[2])


def sdk_checks(service: str, action: str, arguments: dict[str, Any], place: Place) -> list[Check]:
    from ministack.core import iam_actions

    body = json.dumps(arguments, default=str).encode()
    if service == "dynamodb":
        transaction = iam_actions.dynamodb_transaction_checks(
            f"dynamodb:{action}", body, place.region, place.account_id
        )
        if transaction:
            return [(one, arn, leading_context(getattr(arn, "leading_keys", []))) for one, arn in transaction]
        found = iam_actions.extract_resource_arn("dynamodb", "POST", "/", {}, body, {}, place.region, place.account_id)
        return [(f"dynamodb:{action}", found, leading_context(leading_keys(arguments)))]
    if service == "ec2" and action == "CreateFleet":
        return fleet_checks(arguments, place)
    if service == "ec2" and action == "TerminateInstances":
        ids = arguments.get("InstanceIds") or []
        return [(f"ec2:{action}", instance_arn(place.account_id, place.region, one), {}) for one in ids]
    if service == "ec2" and action == "CreateImage":
        return image_checks(arguments, place)
    if service == "ec2" and action in ("DeregisterImage", "DeleteSnapshot"):
        wanted = str(arguments.get("ImageId") or arguments.get("SnapshotId"))
        return [(f"ec2:{action}", image_arn(place.region, wanted), {})]
    if service == "ssm" and "Name" in arguments:
        return [(f"ssm:{action}", place.arn("ssm", f"parameter/{arguments['Name'].lstrip('/')}"), {})]
    if service == "ec2" and action.startswith("Describe"):
        return [(f"ec2:{action}", "*", {})]
    if service == "sns" and action == "Publish":
        return [("sns:Publish", arguments.get("TopicArn", "*"), {})]
    if service == "sqs" and "QueueUrl" in arguments:
        return [(f"sqs:{action}", queue_arn(arguments["QueueUrl"], place), {})]
    if service == "ecs" and action == "StopTask":
        cluster = cluster_arn(str(arguments.get("Cluster", "")), place.region, place.account_id)
        return [("ecs:StopTask", task_arn(str(arguments.get("Task")), cluster), {CLUSTER: cluster})]
    if service == "lambda" and action == "Invoke":
        return [("lambda:InvokeFunction", function_arn(arguments.get("FunctionName", ""), place), {})]
    return []


def image_checks(arguments: dict[str, Any], place: Place) -> list[Check]:
    """The instance by its tags; image and snapshots, which do not exist yet, by those that they will have."""
    found: list[Check] = [
        ("ec2:CreateImage", instance_arn(place.account_id, place.region, arguments["InstanceId"]), {})
    ]
    for one in arguments.get("TagSpecifications") or []:
        tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        context = {**{f"aws:RequestTag/{key}": value for key, value in tags.items()}, "aws:TagKeys": list(tags)}
        made = image_arn(place.region, {"image": "ami-new", "snapshot": "snap-new"}[one["ResourceType"]])
        found.append(("ec2:CreateImage", made, context))
        found.append(("ec2:CreateTags", made, {**context, "ec2:CreateAction": "CreateImage"}))
    return found


def fleet_checks(arguments: dict[str, Any], place: Place) -> list[Check]:
    """An instant fleet launches and tags with its caller's permissions, and passes the instance's role."""
    from ministack.services import ec2

    tags = {
        one["ResourceType"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        for one in arguments.get("TagSpecifications") or []
    }

    def tagged(kind: str) -> dict[str, Any]:
        mine = tags.get(kind, {})
        context: dict[str, Any] = {f"aws:RequestTag/{key}": value for key, value in mine.items()}
        return {**context, **({"aws:TagKeys": list(mine)} if mine else {})}

    spot = (arguments.get("TargetCapacitySpecification") or {}).get("DefaultTargetCapacityType") == "spot"
    found: list[Check] = [("ec2:CreateFleet", place.ec2("fleet/*"), tagged("fleet"))]
    for config in arguments.get("LaunchTemplateConfigs") or []:
        named = config.get("LaunchTemplateSpecification") or {}
        data, template, _ = ec2._resolve_launch_template_data(
            {**named, "Version": str(named.get("Version", "$Default"))}
        )
        if template is None:
            continue
        template_arn = place.ec2(f"launch-template/{template['LaunchTemplateId']}")
        through = {"ec2:LaunchTemplate": template_arn}
        image = str(data.get("ImageId", "ami-1"))
        resources = [template_arn, f"arn:aws:ec2:{place.region}::image/{'ami-1' if ':' in image else image}"]
        resources += [
            place.ec2(f"subnet/{one['SubnetId']}") for one in config.get("Overrides") or [] if "SubnetId" in one
        ]
        resources += [place.ec2(f"security-group/{one}") for one in data.get("SecurityGroupIds") or []]
        resources += [place.ec2("spot-instances-request/*")] if spot else []
        found += [("ec2:RunInstances", one, through) for one in dict.fromkeys(resources)]
        for kind in ("instance", "volume", "network-interface"):
            found.append(("ec2:RunInstances", place.ec2(f"{kind}/*"), {**through, **tagged(kind)}))
        found += pass_role_checks(data, place)
        if image.startswith("resolve:ssm:"):
            parameter = image.removeprefix("resolve:ssm:").lstrip("/")
            owner = "" if parameter.startswith("aws/") else place.account_id
            found.append(("ssm:GetParameters", f"arn:aws:ssm:{place.region}:{owner}:parameter/{parameter}", {}))
    for kind in tags:
        by = {"ec2:CreateAction": "CreateFleet" if kind == "fleet" else "RunInstances"}
        found.append(("ec2:CreateTags", place.ec2(f"{kind}/*"), {**by, **tagged(kind)}))
    return found


def pass_role_checks(template: dict[str, Any], place: Place) -> list[Check]:
    from local.patches.instance_credentials import find_role

    role = find_role(place.account_id, template.get("IamInstanceProfile"))
    return [("iam:PassRole", role["Arn"], {"iam:PassedToService": "ec2.amazonaws.com"})] if role else []
