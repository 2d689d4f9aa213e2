"""What a person has arranged for themselves, beside `fake_cloud.py`: preferences and a library of prompts.

What is asked is checked by the API's own schemas, so that nothing is taken here that the real one would refuse.
"""

from collections.abc import Callable

from foreverus.api import schemas
from foreverus.errors import InvalidRequest

MOST_PROMPTS = 100


def refused(name: str, body: dict) -> tuple[int, dict] | None:
    try:
        schemas.check(name, body)
    except InvalidRequest as err:
        return 400, err.body()
    return None


class FakePerson:
    def __init__(self, new_id: Callable[[str], str], now: Callable[[], str]) -> None:
        self.new_id, self.now = new_id, now
        self.me: dict = {"backend": None, "language": None, "theme": None, "sounds": False}
        self.prompts: dict[str, dict] = {}
        self.made: dict[str, dict] = {}  # by Idempotency-Key

    def call(self, method: str, parts: list[str], body: dict, key: str) -> tuple[int, dict] | None:
        """None: another route."""
        match method, parts:
            case "GET", ["me"]:
                return 200, self.shown()
            case "PATCH", ["me"]:
                if error := refused("account_change", body):
                    return error
                self.me.update({name: bool(value) if name == "sounds" else value for name, value in body.items()})
                return 200, self.shown()
            case "GET", ["prompts"]:
                return 200, {"object": "list", "data": list(self.prompts.values())[::-1], "has_more": False}
            case "POST", ["prompts"]:
                return self.keep(body, key)
            case "PATCH", ["prompts", prompt_id] if prompt_id in self.prompts:
                if error := refused("prompt_change", body):
                    return error
                self.prompts[prompt_id].update(body, updated_at=self.now())
                return 200, self.prompts[prompt_id]
            case "DELETE", ["prompts", prompt_id] if self.prompts.pop(prompt_id, None):
                return 200, {"id": prompt_id, "object": "prompt.deleted", "deleted": True}
        return None

    def shown(self) -> dict:
        return {"object": "person", "id": "user", **self.me, "default_backend": "auto"}

    def keep(self, body: dict, key: str) -> tuple[int, dict]:
        if error := refused("prompt_create", body):
            return error
        if key not in self.made:
            if len(self.prompts) >= MOST_PROMPTS:
                message = "You have 100 prompts, the most that one person can have. Delete one, then try again."
                error = {"message": message, "type": "conflict_error", "param": None, "code": "too_many_prompts"}
                return 409, {"error": error}
            at = self.now()
            prompt = {"id": self.new_id("prompt"), "object": "prompt", **body, "created_at": at, "updated_at": at}
            self.made[key] = self.prompts[prompt["id"]] = prompt
        return 201, self.made[key]
