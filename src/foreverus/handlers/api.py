"""The REST API: every route of `/v1`."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response

from foreverus import bootstrap, schemas
from foreverus.errors import NotFound, RequestRejected
from foreverus.handlers.rest import failed, reply, user_id

app = APIGatewayRestResolver(cors=CORSConfig(allow_headers=["Idempotency-Key"]))
app.exception_handler(RequestRejected)(lambda err: reply(err.status, err.body()))
app.exception_handler(Exception)(failed)


@app.not_found
def no_route(_err: Any) -> Response[str]:
    path = app.current_event.path
    return reply(404, NotFound(f"There is no {app.current_event.http_method} {path}.", code="unknown_route").body())


@app.post("/sessions")
def start_session() -> Response[str]:
    request = schemas.parse("session_create", app.current_event.body)
    session, started = bootstrap.api().sessions.start(user_id(app), request)
    return reply(201 if started else 200, session)


@app.get("/sessions")
def list_sessions() -> Response[str]:
    return reply(200, bootstrap.api().sessions.list(app.current_event.query_string_parameters or {}))


@app.get("/sessions/<session_id>")
def get_session(session_id: str) -> Response[str]:
    return reply(200, bootstrap.api().sessions.get(session_id))


@app.delete("/sessions/<session_id>")
def end_session(session_id: str) -> Response[str]:
    return reply(202, bootstrap.api().sessions.end(session_id))


@app.post("/conversations")
def create_conversation() -> Response[str]:
    request = schemas.parse("conversation_create", app.current_event.body)
    return reply(201, bootstrap.api().conversations.create(user_id(app), **request))


@app.get("/conversations")
def list_conversations() -> Response[str]:
    query = app.current_event.query_string_parameters or {}
    return reply(200, bootstrap.api().conversations.list(user_id(app), query))


@app.get("/conversations/<conversation_id>")
def get_conversation(conversation_id: str) -> Response[str]:
    return reply(200, bootstrap.api().conversations.get(user_id(app), conversation_id))


@app.delete("/conversations/<conversation_id>")
def delete_conversation(conversation_id: str) -> Response[str]:
    return reply(200, bootstrap.api().conversations.delete(user_id(app), conversation_id))


@app.post("/conversations/<conversation_id>/messages")
def post_message(conversation_id: str) -> Response[str]:
    request = schemas.parse("message_create", app.current_event.body)
    key = app.current_event.headers.get("Idempotency-Key", "")
    return reply(202, bootstrap.api().conversations.post(user_id(app), conversation_id, request, key))


@app.get("/conversations/<conversation_id>/messages")
def list_messages(conversation_id: str) -> Response[str]:
    return reply(200, bootstrap.api().conversations.messages(user_id(app), conversation_id))


@app.get("/models")
def list_models() -> Response[str]:
    return reply(200, bootstrap.api().models.list())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
