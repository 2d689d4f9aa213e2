"""The routes of people's documents."""

from foreverus.api.responses import created, ok
from foreverus.api.routes import Routes
from foreverus.bootstrap.api import ApiServices

DOCUMENTS: Routes[ApiServices] = {
    "POST /documents": lambda r, s: created(s.documents.create(r.user_id, r.body("document_create"), r.attempt)),
    "POST /documents/search": lambda r, s: ok(s.documents.search(r.user_id, r.body("document_search"))),
    "GET /documents": lambda r, s: ok(s.documents.show(r.user_id)),
    "GET /documents/{document_id}": lambda r, s: ok(s.documents.get(r.user_id, r.id)),
    "GET /documents/{document_id}/text": lambda r, s: ok(s.documents.text(r.user_id, r.id, r.query)),
    "DELETE /documents/{document_id}": lambda r, s: ok(s.documents.delete(r.user_id, r.id)),
}
