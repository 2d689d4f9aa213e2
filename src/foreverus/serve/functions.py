"""The functions' own code, put together in one process: what each does on Lambda it does here."""

from collections.abc import Mapping

from foreverus import logs
from foreverus.access.authorizer import context_of, presented
from foreverus.bootstrap import api, authorize, chat_completions, manage_account, manage_keys
from foreverus.handlers import api as api_function
from foreverus.handlers import manage_account as account_function
from foreverus.handlers import manage_keys as keys_function
from foreverus.openai_api.application import ROUTES
from foreverus.serve.application import Functions
from foreverus.serve.events import Event

HANDLERS = {
    **dict.fromkeys(api_function.ROUTES, api_function.handler),
    **dict.fromkeys(keys_function.ROUTES, keys_function.handler),
    **dict.fromkeys(account_function.ROUTES, account_function.handler),
}
CHAT_ROUTES = ROUTES


def build() -> Functions:
    """Everything is made before the first request: a setting that is missing says so now. Raises MissingSetting."""
    for one in (api, manage_keys, manage_account, authorize):
        one.build()
    return Functions(handlers=HANDLERS, chat=chat_completions.build(), chat_routes=CHAT_ROUTES, authorize=caller_of)


def caller_of(event: Event) -> Mapping[str, str] | None:
    """As the authorizer finds them (handlers/authorize.py), what it tells the functions; None for 401."""
    logs.start(event, None)
    given = presented(event)
    caller = authorize.build().caller_at(given) if given.text else None
    return None if caller is None else {**context_of(caller), "principalId": caller.user_id}
