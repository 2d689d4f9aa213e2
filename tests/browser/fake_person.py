"""What a person has arranged for themselves, beside `fake_cloud.py`: preferences, a library of prompts, memories.

What is asked is checked by the API's own schemas, so that nothing is taken here that the real one would refuse.
"""

from collections.abc import Callable

from foreverus.api import schemas
from foreverus.errors import InvalidRequest

SWITCHES = ("sounds", "reads_aloud", "sends_spoken", "suggest_memories")
MOST_PROMPTS = 100
BUDGET_TOKENS = 500


def refused(name: str, body: dict) -> tuple[int, dict] | None:
    try:
        schemas.check(name, body)
    except InvalidRequest as err:
        return 400, err.body()
    return None


class FakePerson:
    def __init__(self, new_id: Callable[[str], str], now: Callable[[], str]) -> None:
        self.new_id, self.now = new_id, now
        self.me: dict = {
            **{"backend": None, "language": None, "theme": None, "sounds": False, "reads_aloud": False},
            **{"sends_spoken": False, "suggest_memories": False, "hears": None},
            **{"voice_pt": None, "voice_en": None, "speed_pt": None, "speed_en": None},
        }
        self.has_voice = False
        self.sees_images = False
        self.prompts: dict[str, dict] = {}
        self.memories: dict[str, dict] = {}
        self.titles: Callable[[str], str] = lambda _: ""  # of a conversation
        self.made: dict[str, dict] = {}  # by Idempotency-Key

    def call(self, method: str, parts: list[str], body: dict, key: str) -> tuple[int, dict] | None:
        """None: another route."""
        match method, parts:
            case "GET", ["me"]:
                return 200, self.shown()
            case "PATCH", ["me"]:
                if error := refused("account_change", body):
                    return error
                self.me.update({name: bool(value) if name in SWITCHES else value for name, value in body.items()})
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
            case "GET", ["memories"]:
                return 200, self.remembered()
            case "POST", ["memories"]:
                return self.remember(body, key)
            case "PATCH", ["memories", memory_id] if memory_id in self.memories:
                if error := refused("memory_change", body):
                    return error
                self.memories[memory_id].update(body, updated_at=self.now())
                return 200, self.memory(self.memories[memory_id])
            case "DELETE", ["memories", memory_id] if self.memories.pop(memory_id, None):
                return 200, {"id": memory_id, "object": "memory.deleted", "deleted": True}
        return None

    def remembered(self) -> dict:
        """As the API reckons it: a heading and a line for each."""
        shown = [self.memory(one) for one in list(self.memories.values())[::-1]]
        used = sum(one["tokens"] for one in shown if one["in_use"])
        list_ = {"object": "list", "data": shown, "has_more": False}
        return {**list_, "budget_tokens": BUDGET_TOKENS, "used_tokens": used and used + 30}

    def memory(self, kept: dict) -> dict:
        talk = kept.get("conversation_id")
        return {
            **{name: value for name, value in kept.items() if name != "conversation_id"},
            "in_use": kept["enabled"] and len(kept["text"]) < 200,
            "tokens": len(kept["text"]) // 3 + 1,
            "conversation": {"id": talk, "title": self.titles(talk)} if talk else None,
        }

    def remember(self, body: dict, key: str) -> tuple[int, dict]:
        if error := refused("memory_create", body):
            return error
        if key not in self.made:
            at = {"created_at": self.now(), "updated_at": self.now()}
            memory = {"id": self.new_id("memory"), "object": "memory", "enabled": True, **body, **at}
            self.made[key] = self.memories[memory["id"]] = memory
        return 201, self.memory(self.made[key])

    def shown(self) -> dict:
        has = {"has_voice": self.has_voice, "sees_images": self.sees_images}
        stack = {"default_backend": "auto", **has}
        return {"object": "person", "id": "user", **self.me, **stack}

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
