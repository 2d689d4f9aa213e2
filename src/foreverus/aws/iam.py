"""IAM: the one policy that AWS Budgets attaches to the roles that spend, and nobody else."""

from collections.abc import Sequence
from typing import Any


class AttachedPolicy:
    def __init__(self, iam: Any, roles: Sequence[str], policy_arn: str):
        self.iam = iam
        self.roles = roles
        self.policy_arn = policy_arn

    def detach(self) -> None:
        """From each of the roles; one that it is not attached to is a success."""
        for role in self.roles:
            try:
                self.iam.detach_role_policy(RoleName=role, PolicyArn=self.policy_arn)
            except self.iam.exceptions.NoSuchEntityException:
                continue
