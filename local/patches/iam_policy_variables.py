"""Variables in policies, and the instance behind an instance's credentials.

AWS: `${aws:userid}`, `${aws:PrincipalTag/x}` and the like stand for the request's own value, in Resource and in the
values of conditions; `${key, 'default'}` says what stands there without one. A statement whose variable has no value
matches nothing. Credentials that an instance has of its metadata service carry `ec2:SourceInstanceARN`. (IAM User
Guide, "Policy variables", "AWS global condition context keys".)
Emulator: takes a variable as text, so a statement with one matches nothing that exists, and has no such key.

Left out, because no policy of ours has it: `${*}`, `${?}` and `${$}`.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from local.patches import Options

VARIABLE = re.compile(r"\$\{\s*([^},\s]+)\s*(?:,\s*'([^']*)'\s*)?\}")
INSTANCE_ARN = "SourceInstanceARN"  # in the emulator's record of a session: local/patches/instance_credentials.py


class NoValue(Exception):
    """The request has nothing for the variable."""


def apply(options: Options) -> None:
    from ministack.core import iam_evaluator
    from ministack.services import sts

    original_match = iam_evaluator._first_match
    original_keys = iam_evaluator._principal_keys

    def first_match(request: Any, statements: list[Any], effect: str) -> Any:
        def value(key: str) -> Any:
            return iam_evaluator._resolve_condition_key(key, request)

        for statement in statements:
            if "${" in repr(statement):
                try:
                    filled_in = fill_in(statement, value)
                except NoValue:
                    continue
            else:
                filled_in = statement
            if original_match(request, [filled_in], effect):
                return statement
        return None

    def principal_keys(credential: Any) -> dict[str, Any]:
        session = sts._sessions.get(credential.access_key_id) or {}
        instance = {"ec2:sourceinstancearn": session[INSTANCE_ARN]} if INSTANCE_ARN in session else {}
        return {**original_keys(credential), **instance}

    iam_evaluator._first_match = first_match
    iam_evaluator._principal_keys = principal_keys


def fill_in(statement: Any, value: Callable[[str], Any]) -> Any:
    """The statement with the request's values in the places of its variables. Raises: NoValue."""

    def one(found: re.Match[str]) -> str:
        known = value(found[1])
        if known is None and found[2] is None:
            raise NoValue
        return str(found[2] if known is None else known)

    def each(of: Any) -> Any:
        if isinstance(of, dict):
            return {key: each(inner) for key, inner in of.items()}
        return (
            [each(inner) for inner in of]
            if isinstance(of, list)
            else VARIABLE.sub(one, of)
            if isinstance(of, str)
            else of
        )

    return replace(
        statement,
        resources=each(statement.resources),
        not_resources=each(statement.not_resources),
        conditions=each(statement.conditions),
    )
