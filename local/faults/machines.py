"""The rules in the state machines' own calls."""

import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import Any

from local.faults import answers
from local.faults.names import machine_of, state_action
from local.faults.rules import Book, Rule
from local.patches import states_tasks


def in_states(states: Any, book: Book) -> None:
    original_invoke = states._invoke_resource
    original_callback = states._invoke_with_callback
    original_event = states._add_event
    original_emit = states._emit_execution_status_event

    def strike(resource: str, arguments: Any) -> tuple[Rule | None, str]:
        execution, context = states_tasks._task.get() or ({}, {})
        action = state_action(resource, arguments)
        state = context.get("State", {}).get("Name", "")
        machine = machine_of(execution) if execution else ""
        return (book.strike(machine, action, execution.get("name", ""), state) if execution else None), action

    def fail(rule: Rule, action: str) -> None:
        raise states._ExecutionError(*answers.in_a_state(rule.kind, action.partition(":")[0]))

    def invoke(resource: str, arguments: Any) -> Any:
        rule, action = strike(resource, arguments)
        if rule is None:
            return original_invoke(resource, arguments)
        if rule.kind == "twice":
            _beside(original_invoke, resource, arguments)
            return original_invoke(resource, arguments)
        if rule.kind in ("no_capacity", "quota", "unknown_code"):
            return answers.empty_fleet(rule.kind)
        if rule.kind == "hold":
            book.hold(rule.seconds)
            states_tasks.check_running()
            return original_invoke(resource, arguments)
        if rule.kind == "hold_after":
            try:
                return original_invoke(resource, arguments)
            finally:  # that it fails is an effect too: no image is there to be found
                book.hold(rule.seconds)
                states_tasks.check_running()
        if rule.kind in ("lost", "bought"):
            original_invoke(resource, arguments)
        return fail(rule, action)

    def callback(resource: str, arguments: Any, token: str, state: dict[str, Any]) -> Any:
        rule, action = strike(resource, arguments)
        if rule is None:
            return original_callback(resource, arguments, token, state)
        if rule.kind == "hold":
            book.hold(rule.seconds)
            return original_callback(resource, arguments, token, state)
        if rule.kind == "lost":  # the token is in the mailbox, and this attempt does not wait for it
            original_invoke(resource.replace(".waitForTaskToken", ""), arguments)
        return fail(rule, action)

    def add_event(execution: dict[str, Any], kind: str, *details: Any) -> Any:
        if kind.endswith("StateEntered"):
            state = details[0]["stateEnteredEventDetails"]["name"]
            book.entered(execution["name"], state, machine_of(execution))
        return original_event(execution, kind, *details)

    def emit(execution: dict[str, Any], *more: Any) -> Any:
        if execution["status"] != "RUNNING":
            book.over(execution["name"])
        return original_emit(execution, *more)

    states._invoke_resource = invoke
    states._invoke_with_callback = callback
    states._add_event = add_event
    states._emit_execution_status_event = emit


def _beside(call: Callable[..., Any], *arguments: Any) -> None:
    """The same call once more at the same time, of which nobody hears."""

    def made() -> None:
        with contextlib.suppress(Exception):
            call(*arguments)

    threading.Thread(target=contextvars.copy_context().run, args=(made,), daemon=True).start()
