"""IAM: the one policy that AWS Budgets attaches to the launching role, and nobody else."""

from typing import Any


class AttachedPolicy:
    def __init__(self, iam: Any, role: str, policy_arn: str):
        self.iam = iam
        self.role = role
        self.policy_arn = policy_arn

    def detach(self) -> None:
        """One that is not attached is a success."""
        try:
            self.iam.detach_role_policy(RoleName=self.role, PolicyArn=self.policy_arn)
        except self.iam.exceptions.NoSuchEntityException:
            return
