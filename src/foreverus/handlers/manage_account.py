"""The REST API's routes of the caller's own account: a function of its own, because no other may end people."""

from typing import Any

from foreverus import logs
from foreverus.access.records import Caller
from foreverus.api.requests import Request
from foreverus.api.responses import accepted, ok
from foreverus.api.routes import Routes, answer
from foreverus.bootstrap.manage_account import AccountServices, build


def caller(r: Request) -> Caller:
    return Caller(user_id=r.user_id, key_id=r.key_id, can_create_keys=r.can_create_keys)


ROUTES: Routes[AccountServices] = {
    "GET /me": lambda r, s: ok(s.preferences.show(r.user_id)),
    "PATCH /me": lambda r, s: ok(s.preferences.change(r.user_id, r.body("account_change"))),
    "GET /me/export": lambda r, s: accepted(s.exports.show(r.user_id)),
    "POST /me/export": lambda r, s: accepted(s.exports.start(r.user_id)),
    "DELETE /me": lambda r, s: accepted(s.account.delete(caller(r), r.body("account_delete"))),
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    return answer(event, ROUTES, build)
