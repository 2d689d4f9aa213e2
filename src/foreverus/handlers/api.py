"""The REST API, route by route: `r` is the request (api/requests.py), `s` the services (bootstrap/api.py)."""

from typing import Any

from foreverus import logs
from foreverus.api.openapi import document as openapi
from foreverus.api.responses import accepted, created, download, ok
from foreverus.api.routes import Routes, answer
from foreverus.bootstrap.api import ApiServices, build
from foreverus.handlers.routes.conversations import CONVERSATIONS
from foreverus.handlers.routes.documents import DOCUMENTS
from foreverus.handlers.routes.memories import MEMORIES
from foreverus.handlers.routes.prompts import PROMPTS

ROUTES: Routes[ApiServices] = {
    "POST /sessions": lambda r, s: created(*s.sessions.start(r.user_id, r.body("session_create"), r.attempt)),
    "GET /sessions": lambda r, s: ok(s.sessions.list_sessions(r.query)),
    "GET /sessions/{session_id}": lambda r, s: ok(s.sessions.get(r.path["session_id"])),
    "DELETE /sessions/{session_id}": lambda r, s: accepted(s.sessions.end(r.person, r.id, r.query)),
    "GET /sessions/{session_id}/work": lambda r, s: ok(s.sessions.work(r.person, r.id)),
    **CONVERSATIONS,
    **PROMPTS,
    **MEMORIES,
    **DOCUMENTS,
    "POST /files": lambda r, s: ok(
        s.files.upload(r.user_id, r.content_type, r.raw_body, r.attempt)
        if r.is_form
        else s.files.announce(r.user_id, r.body("file_create"), r.attempt)
    ),
    "GET /files": lambda r, s: ok(s.files.list_files(r.user_id, r.query)),
    "GET /files/{file_id}": lambda r, s: ok(s.files.get(r.user_id, r.path["file_id"])),
    "DELETE /files/{file_id}": lambda r, s: ok(s.files.delete(r.user_id, r.path["file_id"])),
    "GET /files/{file_id}/content": lambda r, s: download(*s.files.content(r.user_id, r.path["file_id"])),
    "POST /uploads": lambda r, s: ok(s.uploads.create(r.user_id, r.body("upload_create"), r.attempt)),
    "POST /uploads/{upload_id}/parts": lambda r, s: ok(
        s.uploads.add_part(r.user_id, r.path["upload_id"], r.content_type, r.raw_body, r.attempt)
    ),
    "POST /uploads/{upload_id}/complete": lambda r, s: ok(
        s.uploads.complete(r.user_id, r.path["upload_id"], r.body("upload_complete"))
    ),
    "POST /uploads/{upload_id}/cancel": lambda r, s: ok(s.uploads.cancel(r.user_id, r.path["upload_id"])),
    "POST /batches": lambda r, s: ok(s.batches.create(r.user_id, r.body("batch_create"), r.attempt)),
    "GET /batches": lambda r, s: ok(s.batches.list_batches(r.user_id, r.query)),
    "GET /batches/{batch_id}": lambda r, s: ok(s.batches.get(r.user_id, r.path["batch_id"])),
    "POST /batches/{batch_id}/cancel": lambda r, s: ok(s.batches.cancel(r.person, r.id)),
    "GET /usage": lambda r, s: ok(s.usage.show(r.person, r.query)),
    "POST /quotes": lambda r, s: ok(s.quotes().quote(r.user_id, r.body("quote_create"))),
    "GET /models": lambda r, s: ok(s.models.list_models()),
    "GET /models/{model}": lambda r, s: ok(s.models.get(r.id)),
    "POST /embeddings": lambda r, s: ok(s.models.no_embeddings()),
    "GET /openapi.json": lambda r, s: ok(openapi.document()),
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    return answer(event, ROUTES, build)
