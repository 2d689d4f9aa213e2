"""What the functions ask AWS for, held against what their roles in the template allow."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from tests import aws_models
from tests.template import iam
from tests.template.template import resources

# Function (a file of handlers/) → its sample events that ran, and the actions that they needed.
seen: dict[str, set[str]] = defaultdict(set)
used: dict[str, set[str]] = defaultdict(set)

WHAT_TO_DO = (
    "remove the action from the function's role in template.yaml, or add a sample event that needs it, or name it in "
    "ELSEWHERE of tests/unit/permissions.py with the test that needs it"
)
# What sample events meet in memory: action → (why it is needed, the test in which AWS or an emulator of it is asked).
IN_MEMORY = {
    "execute-api:ManageConnections": ("frames", "tests/unit/aws/test_push.py"),
    "bedrock:InvokeModel": ("answers", "tests/local/test_bedrock.py"),
    "bedrock:InvokeModelWithResponseStream": ("answers", "tests/local/test_bedrock_stream.py"),
    **{
        f"rds-data:{call}": ("results", "tests/local/test_results_in_postgres.py")
        for call in (
            "ExecuteStatement",
            "BatchExecuteStatement",
            "BeginTransaction",
            "CommitTransaction",
            "RollbackTransaction",
        )
    },
    "secretsmanager:GetSecretValue": (
        "the Data API reads the password as its caller",
        "tests/local/test_rds_data_api.py",
    ),
    "s3:ListBucket": ("else S3 answers 403 for what is not there, and not 404", "tests/unit/files/test_files.py"),
}
# Of whoever logs in to PostgreSQL with a login that is lent.
LENT = {
    "ssm:GetParameter": ("its password", "tests/local/test_database_logins.py"),
    "secretsmanager:CreateSecret": ("is lent to the Data API", "tests/unit/aws/test_lent_secrets.py"),
    "secretsmanager:DeleteSecret": ("and taken back", "tests/unit/aws/test_lent_secrets.py"),
}
# Function → action → likewise, for what no sample event comes to.
ELSEWHERE: dict[str, dict[str, tuple[str, str]]] = {
    "api": {
        "lambda:InvokeFunction": ("a message for Bedrock", "tests/unit/conversations/test_choosing.py"),
        "dynamodb:ConditionCheckItem": (
            "a session is claimed under the month's cap",
            "tests/unit/sessions/test_start.py",
        ),
        "states:SendTaskSuccess": ("a batch is cancelled in a round", "tests/unit/batches/test_service.py"),
        "s3:AbortMultipartUpload": ("an upload that is cancelled", "tests/unit/files/uploads/test_uploads.py"),
    },
    "chat_completions": {
        "sqs:SendMessage": ("what the GPU answers", "tests/local/test_relay.py"),
    },
    "erase_people": {
        **LENT,
        "dynamodb:PutItem": ("a login is lent", "tests/unit/aws/test_lent_secrets.py"),
        "cognito-idp:AdminDeleteUser": ("their sign-in", "tests/unit/privacy/test_erasing.py"),
        "dynamodb:BatchWriteItem": ("a batch's lines", "tests/unit/privacy/test_erasing.py"),
        "s3:DeleteObject": ("their files", "tests/unit/privacy/test_erasing.py"),
        "s3:DeleteObjectVersion": ("their versions", "tests/unit/privacy/test_erasing.py"),
        "states:SendTaskSuccess": ("a batch is cancelled in a round", "tests/unit/privacy/test_erasing.py"),
    },
    "answer_chats": {
        "dynamodb:ConditionCheckItem": (
            "its reader was told before",
            "tests/unit/conversations/bedrock/test_handing.py",
        ),
    },
    "answer_conversation": {
        "lambda:InvokeFunction": ("too little time is left", "tests/unit/conversations/bedrock/test_answering.py"),
    },
    "find_passages": {
        **LENT,
        "dynamodb:PutItem": ("a login is lent", "tests/unit/aws/test_lent_secrets.py"),
    },
    "find_sources": {
        **LENT,
        "dynamodb:PutItem": ("a login is lent", "tests/unit/aws/test_lent_secrets.py"),
    },
    "show_images": {
        "s3:GetObject": ("which images a line names", "tests/unit/batches/shards/test_lending.py"),
    },
    "index_document": {
        **LENT,
        **{
            f"dynamodb:{call}": ("a document is read and paid for", "tests/unit/documents/test_service.py")
            for call in ("BatchGetItem", "Query", "ConditionCheckItem", "PutItem", "UpdateItem", "DeleteItem")
        },
        **{
            f"s3:{call}": ("its bytes and its text", "tests/local/test_documents.py")
            for call in ("GetObject", "PutObject", "DeleteObject")
        },
        "lambda:InvokeFunction": ("it is read", "tests/local/test_documents.py"),
    },
    "close_session": {
        "states:SendTaskFailure": ("batches wait for the session", "tests/unit/sessions/test_closing.py"),
    },
    "end_sessions": {
        "states:StopExecution": ("an execution that still runs", "tests/unit/deployment/test_ending.py"),
        "ec2:TerminateInstances": ("its GPU", "tests/unit/deployment/test_ending.py"),
        "iam:DetachRolePolicy": ("what Budgets attached", "tests/unit/deployment/test_ending.py"),
        "ecs:DescribeTasks": ("tasks of our own container", "tests/local/test_containers.py"),
        "ecs:StopTask": ("one that nothing owns", "tests/local/test_containers.py"),
    },
    "migrate_database": {
        **LENT,
        "dynamodb:PutItem": ("a login is lent", "tests/unit/aws/test_lent_secrets.py"),
        "dynamodb:DeleteItem": ("and given back", "tests/unit/aws/test_lent_secrets.py"),
    },
    "manage_keys": {
        "dynamodb:ConditionCheckItem": (
            "a key makes a key: that one is still there",
            "tests/unit/access/test_service.py",
        ),
    },
    "export_data": {
        "dynamodb:BatchGetItem": ("names of keys", "tests/unit/privacy/test_export.py"),
        "s3:DeleteObject": ("what a call left to the next one", "tests/unit/privacy/test_export.py"),
        "s3:DeleteObjectVersion": ("its versions", "tests/unit/privacy/test_export.py"),
        "s3:ListBucketVersions": ("the same", "tests/unit/privacy/test_export.py"),
    },
    "manage_account": {
        "s3:GetObject": ("the address of an export", "tests/unit/privacy/test_export.py"),
    },
    "publish_changes": {
        "dynamodb:Query": ("who listens", "tests/unit/aws/test_push.py"),
        "dynamodb:DeleteItem": ("who is gone", "tests/unit/aws/test_push.py"),
        "ec2:DescribeSpotPriceHistory": ("a new instance's price", "tests/unit/sessions/test_spend.py"),
    },
    "reap_gpus": {
        "ec2:TerminateInstances": ("an orphan", "tests/unit/sessions/test_reaping.py"),
        "ecs:DescribeTasks": ("tasks of our own container", "tests/local/test_containers.py"),
        "ecs:StopTask": ("one that nothing owns", "tests/local/test_containers.py"),
        "states:SendTaskFailure": ("as close_session", "tests/unit/sessions/test_closing.py"),
        "states:StartExecution": ("a successor, as close_session", "tests/unit/sessions/test_closing.py"),
    },
    "run_batch": {
        "dynamodb:ConditionCheckItem": ("a further GPU is claimed", "tests/unit/batches/test_serving.py"),
        "states:StartExecution": ("its session", "tests/unit/batches/test_serving.py"),
        "s3:AbortMultipartUpload": ("a file of parts that failed", "tests/unit/aws/test_s3.py"),
    },
    "start_bake": {
        "dynamodb:UpdateItem": ("a bake's session that is over lets go", "tests/unit/sessions/test_baking.py"),
        "dynamodb:DeleteItem": ("a session that could not be started", "tests/unit/sessions/test_start.py"),
    },
    "start_scheduled_batch": {
        "dynamodb:GetItem": ("a run that was there before", "tests/unit/batches/test_scheduled.py"),
        "dynamodb:DeleteItem": ("a batch that could not be started", "tests/unit/batches/test_scheduled.py"),
        "s3:DeleteObject": ("its copy", "tests/unit/batches/test_scheduled.py"),
    },
    "start_scheduled_session": {
        "dynamodb:DeleteItem": ("a session that could not be started", "tests/unit/sessions/test_start.py"),
    },
    "store_results": {
        "dynamodb:BatchWriteItem": ("a deleted conversation's messages", "tests/unit/results/test_erasing.py"),
        "s3:DeleteObject": ("a deleted file", "tests/unit/results/test_erasing.py"),
        "s3:DeleteObjectVersion": ("its versions", "tests/unit/results/test_erasing.py"),
        "s3:ListBucketVersions": ("the same", "tests/unit/results/test_erasing.py"),
        "dynamodb:UpdateItem": ("what is stored is marked", "tests/local/test_results_in_postgres.py"),
    },
    "sweep": {
        "lambda:InvokeFunction": ("nobody answers on Bedrock", "tests/unit/sweeps/test_chats.py"),
        "secretsmanager:DeleteSecret": ("a login that a crash left", "tests/unit/aws/test_lent_secrets.py"),
        "dynamodb:PutItem": ("a session is claimed", "tests/unit/sessions/test_start.py"),
        "dynamodb:ConditionCheckItem": ("likewise", "tests/unit/sessions/test_start.py"),
        "dynamodb:UpdateItem": ("a batch is finished", "tests/unit/sweeps/test_batches.py"),
        "dynamodb:DeleteItem": ("the outbox's entry", "tests/unit/sweeps/test_batches.py"),
        "s3:GetObject": ("a batch is finished: its copy is read", "tests/unit/batches/test_finishing.py"),
        "s3:PutObject": ("its files are written", "tests/unit/batches/test_finishing.py"),
        "s3:AbortMultipartUpload": ("a file of parts that failed", "tests/unit/aws/test_s3.py"),
        "s3:DeleteObject": ("files that have expired", "tests/unit/files/test_expiry.py"),
        "sns:Publish": ("what nobody was told", "tests/unit/sweeps/test_batches.py"),
        "states:SendTaskFailure": ("rounds that wait for a GPU", "tests/unit/sweeps/test_batches.py"),
    },
}


def logical_id(function: str) -> str:
    (found,) = (
        name
        for name, one in resources("AWS::Serverless::Function").items()
        if one["Handler"] in (f"foreverus.handlers.{function}.handler", f"foreverus/handlers/{function}.sh")
    )
    return found


@contextmanager
def of(function: str, case: str) -> Iterator[None]:
    """Fails for a request that the function's role does not allow."""
    role = logical_id(function)
    seen[function].add(case)
    with aws_models.recorded() as calls:
        yield
    for call in calls:
        for need in iam.needs(call):
            used[function].add(need.action)
            assert iam.allows(role, need.action, need.resource, need.partitions), (
                f"{case} asks for {need.action} on {need.resource} {' '.join(need.partitions)}: allow it in the "
                f"Policies of {role} in template.yaml, and in the table of docs/security.md"
            )


def unused(function: str) -> set[str]:
    """Actions of its role that no sample event needs, and no other test of those named above."""
    return iam.actions(logical_id(function)) - used[function] - set(IN_MEMORY) - set(ELSEWHERE.get(function, {}))


def named_tests(function: str) -> set[str]:
    """Where what its role allows is needed, beside the sample events."""
    allowed = iam.actions(logical_id(function)) - used[function]
    return {test for action, (_, test) in (IN_MEMORY | ELSEWHERE.get(function, {})).items() if action in allowed}
