"""template.yaml as Python values, and what CloudFormation would make of its references."""

import functools
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


class _Loader(yaml.SafeLoader):
    pass


def _tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """`!Ref x` → `{"Ref": "x"}`, `!GetAtt a.b` → `{"Fn::GetAtt": ["a", "b"]}`, `!Sub x` → `{"Fn::Sub": "x"}`."""
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tag)


@functools.cache
def template() -> dict[str, Any]:
    return yaml.load((ROOT / "template.yaml").read_text(), _Loader)


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Logical id → properties of every resource of a type."""
    return {name: one.get("Properties", {}) for name, one in template()["Resources"].items() if one["Type"] == kind}


def parameter_defaults() -> dict[str, str]:
    return {name: str(one["Default"]) for name, one in template()["Parameters"].items()}


def substitute(text: str, values: dict[str, str]) -> str:
    """Fn::Sub: `${Name}` from `values`, `${!Name}` → `${Name}`. A missing name is a KeyError."""
    text = re.sub(r"\$\{([^!}][^}]*)\}", lambda found: values[found[1]], text)
    return text.replace("${!", "${")


def user_data(values: dict[str, str] | None = None) -> str:
    """The launch template's user data, with parameters' defaults and `<name>` for every resource."""
    (launch,) = resources("AWS::EC2::LaunchTemplate").values()
    text, local = launch["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    known = {
        **{name: f"the-{name}" for name in template()["Resources"]},
        **{name: f"https://example.com/{name}" for name in local},
        **parameter_defaults(),
        "AWS::Region": "us-east-1",
        **(values or {}),
    }
    return substitute(text, known)


def walk(value: Any, path: str = "") -> Any:
    """Every (path, value) inside a nested value."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{path}/{index}")
