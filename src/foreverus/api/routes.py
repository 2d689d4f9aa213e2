"""From API Gateway's event to the function of its route, and from its errors to OpenAI's form."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from foreverus.api.requests import Request
from foreverus.api.responses import REQUEST_ID, Response, json_response
from foreverus.errors import NotFound, RequestRejected
from foreverus.text import quoted

Services = TypeVar("Services")  # what the routes call: put together elsewhere, and checked with each route
Routes = Mapping[str, Callable[[Request, Services], Response]]

logger = logging.getLogger(__name__)


def answer(event: dict[str, Any], routes: Routes[Services], services: Callable[[], Services]) -> Response:
    """Calls the route that API Gateway matched; errors come back in OpenAI's form, never as an exception.

    A table is enough: a router would match again, 100 ms of each cold start (docs/decisions/0002).
    """
    method, resource = event.get("httpMethod"), event.get("resource")
    request = Request(event)
    try:
        route = routes.get(f"{method} {resource}")
        if route is None:
            asked = quoted(f"{method} {event.get('path')}")
            raise NotFound(f"There is no route {asked}.", code="unknown_route")
        _ = request.user_id  # every route is somebody's
        answered = route(request, services())
    except RequestRejected as err:
        logger.info("%s %s: %d %s", method, resource, err.status, err.reason)  # who asks for its id finds this line
        answered = json_response(err.status, err.body(), err.headers)
    except Exception:
        logger.exception("%s %s failed", method, resource)
        message = "Something failed on our side. Try again."
        error = {"message": message, "type": "server_error", "param": None, "code": None}
        answered = json_response(500, {"error": error})
    if request.request_id:
        answered["headers"][REQUEST_ID] = request.request_id  # of which somebody can ask what the log says
    return answered
