"""The routes of what a person wants remembered."""

from foreverus.api.responses import created, ok
from foreverus.api.routes import Routes
from foreverus.bootstrap.api import ApiServices

MEMORIES: Routes[ApiServices] = {
    "POST /memories": lambda r, s: created(s.memories.create(r.user_id, r.body("memory_create"), r.attempt)),
    "GET /memories": lambda r, s: ok(s.memories.show(r.user_id)),
    "PATCH /memories/{memory_id}": lambda r, s: ok(s.memories.change(r.user_id, r.id, r.body("memory_change"))),
    "DELETE /memories/{memory_id}": lambda r, s: ok(s.memories.delete(r.user_id, r.id)),
}
