"""What each role of the template may do, and what each request to AWS needs. IAM's wildcards, and of its conditions
those on the partitions that a request touches.

Which actions there are, and which resources each of them takes, is cfn-lint's table, made of AWS's service
authorization reference. Its own rules pass over templates with SAM's transform, so they are asked here. (parliament has
such rules too, but imports pkg_resources, which setuptools no longer has.)
"""

import functools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

from tests.aws_models import AwsCall
from tests.template.template import resolve, resources, template

REGION, ACCOUNT = "us-east-1", "123456789012"
# Names that the unit tests' resources have; the others are called by their logical ids.
NAMES = {"Table": "foreverus", "KeysTable": "keys", "DataBucket": "data", "SiteBucket": "site", "Topic": "foreverus"}
NAMES |= {
    "ChatQueue": "chat.fifo",
    "BatchQueue": "batch",
    "ChatDeadLetters": "dead-letters",
    "WebSocketApi": "ws12345678",
    "GpuSessionRole": "launching",
}
NAMES |= {"AnswerConversationFunction": "foreverus-AnswerConversationFunction"}
# Type → what its ARN ends with.
ARNS = {
    "AWS::Cognito::UserPool": "cognito-idp:{place}:userpool/{name}",
    "AWS::ECS::Cluster": "ecs:{place}:cluster/{name}",
    "AWS::ECS::TaskDefinition": "ecs:{place}:task-definition/{name}:1",
    "AWS::DynamoDB::Table": "dynamodb:{place}:table/{name}",
    "AWS::EC2::LaunchTemplate": "ec2:{place}:launch-template/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Logs::LogGroup": "logs:{place}:log-group:{name}:*",
    "AWS::RDS::DBCluster": "rds:{place}:cluster:{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{place}:secret:{name}",
    "AWS::SNS::Topic": "sns:{place}:{name}",
    "AWS::SQS::Queue": "sqs:{place}:{name}",
    "AWS::Serverless::Function": "lambda:{place}:function:{name}",
    "AWS::Serverless::StateMachine": "states:{place}:stateMachine:{name}",
}
REFERENCES_ARE_ARNS = ("AWS::SNS::Topic", "AWS::ECS::TaskDefinition")
PLACE = f"{REGION}:{ACCOUNT}"

Statement = dict[str, Any]


@functools.cache
def deployed() -> dict[str, Any]:
    """What references in the template give."""
    known: dict[str, Any] = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
    known |= {"AWS::StackName": "foreverus", "AWS::URLSuffix": "amazonaws.com"}
    for logical_id, one in template()["Resources"].items():
        name = NAMES.get(logical_id, logical_id)
        arn = "arn:aws:" + ARNS.get(one["Type"], "none").format(place=PLACE, account=ACCOUNT, name=name)
        known |= {f"{logical_id}.Arn": arn, logical_id: arn if one["Type"] in REFERENCES_ARE_ARNS else name}
        known |= {f"{logical_id}.DBClusterArn": arn}
        if one["Type"] == "AWS::Serverless::Function":  # SAM makes its role
            role = f"{logical_id}Role"
            known |= {role: role, f"{role}.Arn": f"arn:aws:iam::{ACCOUNT}:role/{role}"}
        known |= {f"{logical_id}.Id": arn}  # of a secret
    return known


@functools.cache
def roles() -> dict[str, list[Statement]]:
    """Logical id of a function or a role → its statements, resolved, whichever conditions hold by default."""
    found: dict[str, list[Statement]] = {}
    for name, one in resources("AWS::Serverless::Function").items():
        policies = resolve(one.get("Policies", []), deployed())
        found[name] = [statement for policy in policies for statement in policy["Statement"]]
    for name, one in resources("AWS::IAM::Role").items():
        policies = resolve(one.get("Policies", []), deployed())
        found[name] = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions(role: str) -> set[str]:
    return {action for one in roles()[role] if one["Effect"] == "Allow" for action in listed(one["Action"])}


def allows(role: str, action: str, resource: str, partitions: Sequence[str] = ()) -> bool:
    """`partitions`: the partition keys that the request names (`dynamodb:LeadingKeys`)."""
    return any(
        one["Effect"] == "Allow"
        and any(fnmatchcase(action, pattern) for pattern in listed(one["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in listed(one["Resource"]))
        and _partitions_fit(one.get("Condition", {}), partitions)
        for one in roles()[role]
    )


def _partitions_fit(condition: dict[str, Any], partitions: Sequence[str]) -> bool:
    """The operators that our policies use on them; a variable in a pattern (`${aws:userid}`) is read as itself."""
    for operator, values in condition.items():
        if "dynamodb:LeadingKeys" not in values:
            continue
        expected = [str(one) for one in listed(values["dynamodb:LeadingKeys"])]
        if operator == "Null":
            fits = bool(partitions) == (expected == ["false"])
        else:
            assert operator in ("ForAllValues:StringLike", "ForAllValues:StringEquals"), (
                f"teach tests/template/iam.py {operator}"
            )
            fits = all(any(fnmatchcase(one, pattern) for pattern in expected) for one in partitions)
        if not fits:
            return False
    return True


@functools.cache
def reference() -> dict[str, Any]:
    return dict(json.loads((files("cfnlint") / "data/AdditionalSpecs/Policies.json").read_text()))


def mistakes(statement: Statement) -> Iterator[str]:
    """Actions that AWS does not know; resources that none of the actions takes; actions that take none of them."""
    named, given = listed(statement["Action"]), listed(statement["Resource"])
    unknown = [action for action in named if _kinds(action) is None]
    yield from (f"AWS knows no action {action}" for action in unknown)
    known = [action for action in named if action not in unknown]
    for action in known:
        kinds = _kinds(action) or []
        if given == ["*"] and kinds and statement["Effect"] == "Allow":
            yield f'{action} takes a resource ({", ".join(kinds)}): name it instead of "*"'
        elif not any(_takes(action, resource) for resource in given):
            yield f"{action} takes {', '.join(kinds) or 'no resource but *'}, not {', '.join(given)}"
    for resource in given:
        if known and not any(_takes(action, resource) for action in known):
            yield f"{resource} is nothing that {', '.join(known)} takes"


def _kinds(action: str) -> list[str] | None:
    """The kinds of resources that it takes; None: there is no such action."""
    service, _, name = action.partition(":")
    found = reference().get(service, {"Actions": {}})["Actions"].get(name.lower())
    return None if found is None else list(found.get("Resources", []))


def _takes(action: str, resource: str) -> bool:
    service, kinds = action.split(":")[0], _kinds(action) or []
    if resource == "*":
        return True
    if service == "s3" and ("/" in resource) == ("bucket" in kinds):
        return False  # their ARNs differ by that alone
    known = reference()[service].get("Resources", {})
    forms = [form for kind in kinds for form in known.get(kind, {"ARNFormats": [".*"]}).get("ARNFormats", [])]
    return any(_is_such(resource, form) for form in forms)


def _is_such(resource: str, form: str) -> bool:
    """A form is `arn:${Partition}:sqs:${Region}:${Account}:.*`."""
    pattern = ".*".join("[^:]*".join(map(re.escape, re.split(r"\$\{\w+\}", part))) for part in form.split(".*"))
    return re.fullmatch(pattern, resource) is not None


@dataclass(frozen=True)
class Need:
    action: str
    resource: str
    partitions: tuple[str, ...] = ()


def needs(call: AwsCall) -> Iterator[Need]:
    """Everything that IAM asks for a request."""
    if call.service == "dynamodb":
        yield from _of_tables(call.operation, call.parameters)
    else:
        yield from (Need(action, resource) for action, resource in _of_others(call))


def _of_others(call: AwsCall) -> Iterator[tuple[str, str]]:
    given, operation = call.parameters, call.operation
    match call.service:
        case "s3":
            yield from _of_objects(operation, given)
        case "stepfunctions":
            yield f"states:{operation}", given.get("stateMachineArn") or given.get("executionArn") or "*"
        case "sqs":
            yield f"sqs:{operation.removesuffix('Batch')}", f"arn:aws:sqs:{PLACE}:{given['QueueUrl'].split('/')[-1]}"
        case "sns":
            yield "sns:Publish", given["TopicArn"]
        case "ec2" if operation == "TerminateInstances":
            for one in given["InstanceIds"]:
                yield "ec2:TerminateInstances", f"arn:aws:ec2:{PLACE}:instance/{one}"
        case "ec2" if operation.startswith("Describe"):
            yield f"ec2:{operation}", "*"
        case "apigatewaymanagementapi":
            where = f"{NAMES['WebSocketApi']}/v1/POST/@connections/{given['ConnectionId']}"
            yield "execute-api:ManageConnections", f"arn:aws:execute-api:{PLACE}:{where}"
        case "bedrock-runtime":  # Converse is InvokeModel to IAM
            yield "bedrock:InvokeModel", f"arn:aws:bedrock:{REGION}::foundation-model/{given['modelId']}"
        case "rds-data":
            yield f"rds-data:{operation}", given["resourceArn"]
            yield "secretsmanager:GetSecretValue", given["secretArn"]
        case "ssm":
            yield f"ssm:{operation}", f"arn:aws:ssm:{PLACE}:parameter{given['Name']}"
        case "secretsmanager":
            name = given.get("Name") or given["SecretId"]
            yield f"secretsmanager:{operation}", f"arn:aws:secretsmanager:{PLACE}:secret:{name}"
        case "iam":
            yield f"iam:{operation}", f"arn:aws:iam::{ACCOUNT}:role/{given['RoleName']}"
        case "cloudformation":
            yield f"cloudformation:{operation}", f"arn:aws:cloudformation:{PLACE}:stack/{given['StackName']}/id"
        case "ecs" if operation == "ListTasks":
            yield "ecs:ListTasks", "*"
        case "lambda":
            yield "lambda:InvokeFunction", given["FunctionName"]
        case "cognito-idp":  # the only pool: its id is moto's choice, or none
            yield f"cognito-idp:{operation}", f"arn:aws:cognito-idp:{PLACE}:userpool/UserPool"
        case _:
            raise AssertionError(f"say in tests/template/iam.py what {call.service} {operation} needs of IAM")


def _of_tables(operation: str, given: dict[str, Any]) -> Iterator[Need]:
    def need(action: str, table: str, *items: dict[str, Any]) -> Need:
        partitions = dict.fromkeys(str(one["pk"]["S"]) for one in items)
        return Need(f"dynamodb:{action}", f"arn:aws:dynamodb:{PLACE}:table/{table}", tuple(partitions))

    if operation in ("TransactWriteItems", "TransactGetItems"):
        for item in given["TransactItems"]:
            ((kind, what),) = item.items()
            action = "ConditionCheckItem" if kind == "ConditionCheck" else f"{kind}Item"
            yield need(action, what["TableName"], what.get("Key") or what["Item"])
    elif operation == "BatchGetItem":
        for name, wanted in given["RequestItems"].items():
            yield need(operation, name, *wanted["Keys"])
    elif operation == "BatchWriteItem":
        for name, requests in given["RequestItems"].items():
            writes = [write for one in requests for write in one.values()]
            yield need(operation, name, *(one.get("Key") or one["Item"] for one in writes))
    elif operation == "Query":
        assert given["KeyConditionExpression"].startswith("pk = :pk"), given
        yield need(operation, given["TableName"], {"pk": given["ExpressionAttributeValues"][":pk"]})
    elif operation == "Scan":
        yield need(operation, given["TableName"])
    else:
        yield need(operation, given["TableName"], given.get("Key") or given["Item"])


_WRITES = ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")


def _of_objects(operation: str, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    bucket = f"arn:aws:s3:::{given['Bucket']}"
    if operation in ("ListObjectsV2", "HeadBucket"):
        yield "s3:ListBucket", bucket
    elif operation == "ListObjectVersions":
        yield "s3:ListBucketVersions", bucket
    elif operation == "DeleteObjects":
        for one in given["Delete"]["Objects"]:
            yield f"s3:DeleteObject{'Version' if 'VersionId' in one else ''}", f"{bucket}/{one['Key']}"
    elif operation == "CopyObject":
        source = f"arn:aws:s3:::{given['CopySource']}"
        tags = ("", "Tagging") if given.get("TaggingDirective") != "REPLACE" else ("",)
        for what in tags:
            yield f"s3:GetObject{what}", source
            yield f"s3:PutObject{what}", f"{bucket}/{given['Key']}"
    else:
        action = "PutObject" if operation in _WRITES else operation.replace("HeadObject", "GetObject")
        yield f"s3:{action}", f"{bucket}/{given['Key']}"
