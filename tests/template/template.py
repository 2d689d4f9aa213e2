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
def load(file: Path) -> dict[str, Any]:
    return dict(yaml.load(file.read_text(), _Loader))


def template() -> dict[str, Any]:
    return load(ROOT / "template.yaml")


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
    """The launch template's user data, with parameters' defaults, `the-<name>` for every resource and
    `the-<name>.<attribute>` for what it tells of itself."""
    (launch,) = resources("AWS::EC2::LaunchTemplate").values()
    text, local = launch["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    known = {
        **{name: f"the-{name}" for name in re.findall(r"\$\{(\w+\.\w+)\}", text)},
        **{name: f"the-{name}" for name in template()["Resources"]},
        **{name: f"https://example.com/{name}" for name in local},
        **parameter_defaults(),
        "IdleTime": "0",  # its parameter is auto
        "AWS::Region": "us-east-1",
        "AWS::StackName": "foreverus",
        **(values or {}),
    }
    return substitute(text, known)


def resolve(value: Any, known: dict[str, Any]) -> Any:
    """The value as CloudFormation would deploy it. `known`: pseudo parameters (`AWS::Region`), parameters where they
    differ from their defaults, and what `Ref` and `GetAtt` (`Name.Attribute`) of resources give; of a resource that is
    not named there, `the-<name>`."""
    if isinstance(value, list):
        return [one for one in (resolve(inner, known) for inner in value) if one is not None]
    if not isinstance(value, dict):
        return value
    match next(iter(value.items())):
        case ("Ref", "AWS::NoValue"):
            return None
        case ("Ref", name):
            return _known(name, known)
        case ("Fn::GetAtt", [name, attribute]):
            return _known(f"{name}.{attribute}", known)
        case ("Fn::Sub", text):
            body, own = text if isinstance(text, list) else (text, {})
            names = re.findall(r"\$\{([^!}][^}]*)\}", body)
            local = {name: resolve(inner, known) for name, inner in own.items()}
            return substitute(body, {name: str(local.get(name) or _known(name, known)) for name in names})
        case ("Fn::If", [condition, then, other]):
            return resolve(then if holds(condition, known) else other, known)
        case ("Fn::Join", [glue, parts]):
            return str(glue).join(map(str, resolve(parts, known)))
    resolved = ((key, resolve(inner, known)) for key, inner in value.items())
    return {key: inner for key, inner in resolved if inner is not None}


def holds(condition: str | dict[str, Any], known: dict[str, Any]) -> bool:
    """Whether a condition of the template holds."""
    if isinstance(condition, str):
        return holds(template()["Conditions"][condition], known)
    match next(iter(condition.items())):
        case ("Fn::Not", [inner]):
            return not holds(inner, known)
        case ("Fn::And", parts):
            return all(holds(one, known) for one in parts)
        case ("Fn::Or", parts):
            return any(holds(one, known) for one in parts)
        case ("Fn::Equals", [one, other]):
            return bool(resolve(one, known) == resolve(other, known))
        case ("Condition", name):
            return holds(name, known)
    raise ValueError(condition)


def _known(name: str, known: dict[str, Any]) -> Any:
    if name in known:
        return known[name]
    return parameter_defaults().get(name, f"the-{name}")


def walk(value: Any, path: str = "") -> Any:
    """Every (path, value) inside a nested value."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{path}/{index}")
