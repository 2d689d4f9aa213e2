"""Credentials of a task's role, which its process asks for: as the address in AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
answers on AWS. (Amazon ECS Developer Guide, "Task IAM role".) A part of ecs_tasks.py.
"""

import hashlib
import secrets
import time
from datetime import UTC, datetime
from typing import Any

LIFE_S = 3600


class Credentials:
    PREFIX = "/_foreverus/task-credentials/"

    def __init__(self) -> None:
        self._roles: dict[str, tuple[str, str]] = {}  # (task, role), by the secret part of the address

    def of_task(self, task_arn: str, role_arn: str) -> str:
        """The secret part of its address."""
        secret = secrets.token_urlsafe(24)
        self._roles[secret] = (task_arn, role_arn)
        return secret

    def over(self, task_arn: str) -> None:
        self._roles = {secret: one for secret, one in self._roles.items() if one[0] != task_arn}

    def answer(self, secret: str) -> dict[str, Any] | None:
        """Registers a session of the role; None where no task has this address."""
        from ministack.services import iam, sts

        if secret not in self._roles:
            return None
        task_arn, role_arn = self._roles[secret]
        account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
        role = iam._roles._data.get((account, name))
        if role is None:
            return None
        now, task_id = time.time(), task_arn.rpartition("/")[2]
        period = int(now // (LIFE_S / 2))  # who asks twice gets the same keys
        digest = hashlib.sha256(f"{secret}:{period}".encode()).hexdigest()
        key, hidden = f"ASIA{digest[:16].upper()}", hashlib.sha256(f"secret:{digest}".encode()).hexdigest()
        token, expires = hashlib.sha256(f"token:{digest}".encode()).hexdigest(), (period + 2) * (LIFE_S / 2)
        session = {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{task_id}",
            "UserId": f"{role.get('RoleId', name)}:{task_id}",
            "AccountId": account,
            "SecretAccessKey": hidden,
            "SessionToken": token,
            "Expiration": expires,
        }
        sts.register_session(key, session)
        until = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "RoleArn": role_arn,
            "AccessKeyId": key,
            "SecretAccessKey": hidden,
            "Token": token,
            "Expiration": until,
        }
