"""The routes of a person's own library of system prompts."""

from foreverus.api.responses import created, ok
from foreverus.api.routes import Routes
from foreverus.bootstrap.api import ApiServices

PROMPTS: Routes[ApiServices] = {
    "POST /prompts": lambda r, s: created(s.prompts.create(r.user_id, r.body("prompt_create"), r.attempt)),
    "GET /prompts": lambda r, s: ok(s.prompts.list_prompts(r.user_id, r.query)),
    "PATCH /prompts/{prompt_id}": lambda r, s: ok(s.prompts.change(r.user_id, r.id, r.body("prompt_change"))),
    "DELETE /prompts/{prompt_id}": lambda r, s: ok(s.prompts.delete(r.user_id, r.id)),
}
