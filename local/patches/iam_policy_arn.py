"""The policy that a call attaches or detaches, as a condition key.

AWS: AttachRolePolicy, DetachRolePolicy and their like know the condition key `iam:PolicyARN`. (Service Authorization
Reference, "Condition keys for AWS Identity and Access Management".)
Emulator: has no such key in the request, so a role that may detach one policy alone may detach none.
"""

from typing import Any

from local.patches import Options


def apply(options: Options) -> None:
    from ministack.core import iam_actions

    original = iam_actions.request_tag_context

    def request_context(service: str, action: str, body: Any, parameters: dict[str, Any]) -> dict[str, Any]:
        found = dict(original(service, action, body, parameters))
        policy = parameters.get("PolicyArn") if service == "iam" else None
        if policy:
            found["iam:PolicyARN"] = policy[0] if isinstance(policy, list) else policy
        return found

    iam_actions.request_tag_context = request_context
