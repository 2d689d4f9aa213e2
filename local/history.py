"""What the laptop's PostgreSQL has, as its owner sees it: for the demo and for tests. Nobody of the stack is its owner
but the migrations, while they run; this makes a login of its own as they do."""

import json
import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.cloud import Cloud


def rows(cloud: "Cloud", sql: str, **parameters: str) -> list[list[Any]]:
    """What PostgreSQL answers; a null is None."""
    emulator, stack = cloud.emulator, cloud.outputs["stack_name"]
    password = emulator.client("ssm").get_parameter(Name=f"/{stack}/database/master", WithDecryption=True)
    login = json.dumps({"username": "foreverus", "password": password["Parameter"]["Value"]})
    keeper = emulator.client("secretsmanager")
    secret = keeper.create_secret(Name=f"owner-{secrets.token_hex(8)}", SecretString=login)["ARN"]
    try:
        answer = emulator.client("rds-data").execute_statement(
            resourceArn=cloud.stack["DatabaseClusterArn"],
            secretArn=secret,
            database="foreverus",
            sql=sql,
            parameters=[{"name": name, "value": {"stringValue": value}} for name, value in parameters.items()],
        )
    finally:
        keeper.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    records = answer.get("records", [])
    return [[None if field.get("isNull") else next(iter(field.values())) for field in record] for record in records]
