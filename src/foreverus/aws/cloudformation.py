"""CloudFormation: what is happening to the stack that we are part of."""

from typing import Any

UPDATE = "UPDATE_"  # how the statuses of an update begin, of its clean-up and of its rollback too


class OwnStack:
    def __init__(self, cloudformation: Any, name: str):
        self.cloudformation = cloudformation
        self.name = name

    def is_updating(self) -> bool:
        """Whether it stays, and only a part of it changes or goes."""
        (found,) = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        return str(found["StackStatus"]).startswith(UPDATE)
