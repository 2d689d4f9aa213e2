"""The REST API's routes of API keys and tickets: a function of their own, because no other may write who comes in."""

from typing import Any

from foreverus import logs
from foreverus.access.records import Caller
from foreverus.api.requests import Request
from foreverus.api.responses import created, ok
from foreverus.api.routes import Routes, answer
from foreverus.bootstrap.manage_keys import Credentials, build


def caller(r: Request) -> Caller:
    return Caller(user_id=r.user_id, key_id=r.key_id, can_create_keys=r.can_create_keys, ends_at=r.ends_at)


ROUTES: Routes[Credentials] = {
    "POST /keys": lambda r, s: created(s.keys.create(caller(r), r.body("key_create"))),
    "GET /keys": lambda r, s: ok(s.keys.list_keys(r.user_id, r.query)),
    "DELETE /keys/{key_id}": lambda r, s: ok(s.keys.revoke(r.user_id, r.path["key_id"])),
    "POST /tickets": lambda r, s: created(s.tickets.create(caller(r))),
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    return answer(event, ROUTES, build)
