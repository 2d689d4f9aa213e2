"""The four state machines as graphs, and what the template puts into them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "statemachines"
SUBSTITUTION = re.compile(r"\$\{([^}]+)\}")

State = dict[str, Any]


@dataclass(frozen=True)
class Definition:
    """A file of statemachines/, and the logical id that the template gives it."""

    name: str
    logical_id: str

    def __str__(self) -> str:
        return self.name

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}.asl.json"

    @cached_property
    def text(self) -> str:
        return self.file.read_text()

    @cached_property
    def machine(self) -> dict[str, Any]:
        return dict(json.loads(self.text))

    @cached_property
    def states(self) -> dict[str, State]:
        return dict(self.machine["States"])

    def tasks(self) -> dict[str, State]:
        return {name: state for name, state in self.states.items() if state["Type"] == "Task"}

    def every_task(self) -> Iterator[tuple[str, State]]:
        """Those within a Map or a Parallel state too."""
        return _tasks(self.machine)

    def edges(self, name: str) -> Iterator[tuple[str, str]]:
        """(how, target) of every way out of a state."""
        state = self.states[name]
        for key in ("Next", "Default"):
            if key in state:
                yield key, state[key]
        for key in ("Choices", "Catch"):
            for rule in state.get(key, []):
                yield key, rule["Next"]

    def targets(self, name: str) -> set[str]:
        return {target for _, target in self.edges(name)}

    def reachable(self, start: str, *, without: tuple[str, ...] = ()) -> set[str]:
        found, todo = set(), [start]
        while todo:
            name = todo.pop()
            if name not in found and name not in without:
                found.add(name)
                todo.extend(self.targets(name))
        return found

    def transitions(self) -> set[tuple[str, str]]:
        return {(name, target) for name in self.states for target in self.targets(name)}

    def expressions(self) -> Iterator[str]:
        """Every JSONata expression."""
        return (value for _, value in self.fields() if value.startswith("{%"))

    def fields(self) -> Iterator[tuple[str, str]]:
        """Every text of the states, with the name of its field."""
        return _fields("", self.states)

    def substitutions(self) -> set[str]:
        return set(SUBSTITUTION.findall(self.text))

    def render(self, values: dict[str, str]) -> str:
        return SUBSTITUTION.sub(lambda found: values[found[1]], self.text)

    def rendered(self) -> str:
        """As a linter can read it: every substitution is the number 1."""
        return self.render({**dict.fromkeys(self.substitutions(), "1"), "Partition": "aws"})


def _fields(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _fields(key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(name, inner)
    elif isinstance(value, str):
        yield name, value


GPU_SESSION = Definition("gpu_session", "GpuSession")
BATCH_RUN = Definition("batch_run", "BatchRun")
BAKE_IMAGE = Definition("bake_image", "BakeImage")
ABILITY_RUN = Definition("ability_run", "AbilityRun")
ALL = (GPU_SESSION, BATCH_RUN, BAKE_IMAGE, ABILITY_RUN)


def _tasks(part: Any) -> Iterator[tuple[str, State]]:
    if isinstance(part, list):
        for one in part:
            yield from _tasks(one)
    elif isinstance(part, dict):
        for name, one in part.items():
            if isinstance(one, dict) and one.get("Type") == "Task":
                yield name, one
            yield from _tasks(one)
