"""What the instance's role allows is what its worker and its boot call, and nothing else."""

import ast
from pathlib import Path

import pytest

from tests.template import iam
from tests.unit.test_architecture import SOURCE, imported

# Methods of clients that an action is needed for, where it is not the method's own name.
METHODS = {
    "dynamodb:ConditionCheckItem": ["transact_write_items"],
    "execute-api:ManageConnections": ["post_to_connection"],
    "s3:PutObject": ["put_object", "upload_part"],
    "sqs:ChangeMessageVisibility": ["change_message_visibility_batch"],
}


def path_of(module: str) -> Path | None:
    path = SOURCE.parent.joinpath(*module.split("."))
    found = [one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()]
    return found[0] if found else None


def code_of_the_instance() -> set[Path]:
    """Every module that the worker and the programs of its units can come to."""
    todo = [*(SOURCE / "worker").glob("*.py"), *(SOURCE / "machine").glob("*.py")]
    found: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += [one for name in imported(path) if name.startswith("foreverus") and (one := path_of(name))]
    return found


def called() -> set[str]:
    """The name of every method that this code calls, or hands on to be called."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in code_of_the_instance())
    return {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def method(action: str) -> str:
    """
    >>> method("dynamodb:BatchWriteItem")
    'batch_write_item'
    """
    name = action.split(":")[1]
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


@pytest.mark.parametrize("action", sorted(iam.actions("InstanceRole")))
def test_each_permission_of_the_instance_has_its_call(action: str) -> None:
    names = METHODS.get(action, [method(action)])
    assert set(names) & called(), (
        f"nothing on the instance calls it: remove {action} from InstanceRole in template.yaml"
    )


def test_a_permission_without_a_call_is_seen() -> None:
    assert method("sqs:PurgeQueue") not in called()
    assert method("sqs:ReceiveMessage") in called()
