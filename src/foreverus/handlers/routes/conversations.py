"""The routes of conversations and their messages."""

from foreverus.api.responses import accepted, created, ok, stopped
from foreverus.api.routes import Routes
from foreverus.bootstrap.api import ApiServices

CONVERSATIONS: Routes[ApiServices] = {
    "POST /conversations": lambda r, s: created(
        s.conversations.create(r.user_id, attempt=r.attempt, **r.body("conversation_create"))
    ),
    "POST /imports": lambda r, s: ok(s.imports.take(r.user_id, r.body("conversation_import"))),
    "GET /conversations": lambda r, s: ok(
        s.search().search(r.user_id, r.query)
        if "q" in r.query
        else s.conversations.list_conversations(r.user_id, r.query)
    ),
    "GET /conversations/{conversation_id}": lambda r, s: ok(s.conversations.get(r.user_id, r.path["conversation_id"])),
    "PATCH /conversations/{conversation_id}": lambda r, s: ok(
        s.conversations.change(r.user_id, r.id, r.body("conversation_change"))
    ),
    "DELETE /conversations/{conversation_id}": lambda r, s: ok(s.conversations.delete(r.user_id, r.id)),
    "POST /conversations/{conversation_id}/messages": lambda r, s: accepted(
        s.conversations.post(r.user_id, r.path["conversation_id"], r.body("message_create"), r.attempt)
    ),
    "GET /conversations/{conversation_id}/messages": lambda r, s: ok(
        s.conversations.messages(r.user_id, r.id, r.query)
    ),
    "POST /conversations/{conversation_id}/messages/{message_id}/regenerate": lambda r, s: accepted(
        s.conversations.regenerate(r.user_id, **r.path, request=r.body("message_regenerate"), attempt=r.attempt)
    ),
    "DELETE /conversations/{conversation_id}/messages/{message_id}": lambda r, s: stopped(
        *s.stops.stop(r.user_id, **r.path)
    ),
    "DELETE /conversations/{conversation_id}/messages/{message_id}/exchange": lambda r, s: ok(
        s.deletions.delete(r.user_id, **r.path)
    ),
}
