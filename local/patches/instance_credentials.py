"""Credentials of an instance's role.

AWS: the metadata service of a running instance hands out temporary credentials of the role in the instance's profile.
Emulator: instances are records; nothing serves metadata, so nothing can act under an instance's role.

Patch: `GET /_foreverus/instance-credentials/<instance id>` answers what a metadata service answers for
`iam/security-credentials/<role>`, with `RoleName` and `RoleArn` beside it. 404 for an instance that is not running or
has no profile. The instance host serves it to each worker from that worker's own metadata endpoint.
"""

import hashlib
import json
import time
from datetime import UTC, datetime
from typing import Any

from local.patches import Options
from local.patches.ec2_authorization import instance_arn
from local.patches.iam_policy_variables import INSTANCE_ARN

PREFIX = "/_foreverus/instance-credentials/"
LIFE_S = 3600  # EC2 gives about six hours; an hour makes a long session on the laptop renew them too.


def find_instance(instance_id: str) -> tuple[str, str, dict[str, Any]] | None:
    """The account, the region and the record of an instance, or None."""
    from ministack.services import ec2

    for (account_id, region, key), instance in list(ec2._instances._data.items()):
        if key == instance_id:
            return account_id, region, instance
    return None


def find_role(account_id: str, profile: dict[str, Any] | None) -> dict[str, Any] | None:
    """The role in an instance profile, which EC2 knows by ARN (or by name, when it was made after the template)."""
    from ministack.services import iam

    profile = profile or {}
    wanted = {profile.get("Arn"), profile.get("Name")} - {None, ""}
    for (account, _name), candidate in list(iam._instance_profiles._data.items()):
        if account == account_id and wanted & {candidate["Arn"], candidate["InstanceProfileName"]}:
            for role_name in candidate["Roles"]:
                return iam._roles._data.get((account_id, role_name))
    return None


def credentials(instance_id: str) -> dict[str, str] | None:
    """Registers a session of the instance's role and returns it in the metadata service's shape."""
    found = find_instance(instance_id)
    if found is None or found[2]["State"]["Name"] != "running":
        return None
    account_id, region, instance = found
    role = find_role(account_id, instance.get("IamInstanceProfile"))
    if role is None:
        return None

    from ministack.services import sts

    now = time.time()
    # One session per half life: who asks twice gets the same keys, and old keys stay good while new ones spread.
    period = int(now // (LIFE_S / 2))
    expires = (period + 2) * (LIFE_S / 2)
    digest = hashlib.sha256(f"{account_id}:{instance_id}:{role['Arn']}:{period}".encode()).hexdigest()
    access_key = f"ASIA{digest[:16].upper()}"
    secret = hashlib.sha256(f"secret:{digest}".encode()).hexdigest()
    token = hashlib.sha256(f"token:{digest}".encode()).hexdigest()
    sts.register_session(
        access_key,
        {
            "Arn": f"arn:aws:sts::{account_id}:assumed-role/{role['RoleName']}/{instance_id}",
            "UserId": f"{role.get('RoleId', role['RoleName'])}:{instance_id}",
            "AccountId": account_id,
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": expires,
            INSTANCE_ARN: instance_arn(account_id, region, instance_id),
        },
    )
    return {
        "Code": "Success",
        "LastUpdated": _iso(now),
        "Type": "AWS-HMAC",
        "AccessKeyId": access_key,
        "SecretAccessKey": secret,
        "Token": token,
        "Expiration": _iso(expires),
        "RoleName": role["RoleName"],
        "RoleArn": role["Arn"],
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def apply(options: Options) -> None:
    from ministack import app as gateway

    emulator = gateway.app

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await emulator(scope, receive, send)
            return
        answer = credentials(scope["path"].removeprefix(PREFIX)) if scope["method"] == "GET" else None
        body = json.dumps(answer or {"Code": "NotFound"}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200 if answer else 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    gateway.app = app
