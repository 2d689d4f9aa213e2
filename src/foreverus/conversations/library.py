"""A person's own library of system prompts, each with a name: `/v1/prompts`.

A conversation that was set to one has its text, not its id: what is changed or deleted here changes no conversation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.api.listing import read_listing
from foreverus.api.requests import NOT_REPEATED, RequestAttempt
from foreverus.api.responses import Body
from foreverus.aws import person_keys
from foreverus.aws.dynamo import ConditionFailed, Item, Table, Values, delete_write, put_write, update_write
from foreverus.errors import Conflict, NotFound
from foreverus.idempotency.deleted import deleted_write, made_and_deleted, not_deleted_write
from foreverus.idempotency.records import CreateRequest, fingerprint
from foreverus.idempotency.store import Once
from foreverus.text import quoted

MOST_PROMPTS = 100  # of a person: the page shows all of them in one list


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryPrompt:
    """`text`: what a conversation's `system` may be."""

    prompt_id: str
    user_id: str
    name: str
    text: str
    created_at: str
    updated_at: str


def prompt_from_item(item: Item) -> LibraryPrompt:
    return LibraryPrompt(
        prompt_id=item["prompt_id"],
        user_id=item["user_id"],
        name=item["name"],
        text=item["text"],
        created_at=item["created_at"],
        updated_at=item["updated_at"],
    )


def prompt_to_item(prompt: LibraryPrompt) -> Values:
    return {
        **person_keys.prompt_key(prompt.user_id, prompt.prompt_id),
        "prompt_id": prompt.prompt_id,
        "user_id": prompt.user_id,
        "name": prompt.name,
        "text": prompt.text,
        "created_at": prompt.created_at,
        "updated_at": prompt.updated_at,
    }


def public_prompt(prompt: LibraryPrompt) -> Body:
    return {
        "id": prompt.prompt_id,
        "object": "prompt",
        "name": prompt.name,
        "text": prompt.text,
        "created_at": prompt.created_at,
        "updated_at": prompt.updated_at,
    }


@dataclass(frozen=True)
class PromptStore:
    items: Table

    def newest(self, user_id: str, limit: int, after: str = "") -> list[LibraryPrompt]:
        first = person_keys.prompt_key(user_id, "")
        before = person_keys.prompt_key(user_id, after)["sk"] if after else ""
        found = self.items.query(first["pk"], first["sk"], newest_first=True, limit=limit, before=before)
        return [prompt_from_item(item) for item in found]

    def get(self, user_id: str, prompt_id: str) -> LibraryPrompt:
        """Raises NotFound for one that is not there or belongs to somebody else."""
        found = self.items.get(person_keys.prompt_key(user_id, prompt_id))
        if not found:
            raise _no_prompt(prompt_id)
        return prompt_from_item(found)

    def create(self, prompt: LibraryPrompt) -> LibraryPrompt:
        """The prompt, or the one that an earlier try has kept under the same id. Counted in the same transaction, so
        that no two requests at once get past the most. Raises Conflict, also where that was deleted since."""
        room = update_write(
            person_keys.prompts_count_key(prompt.user_id),
            "ADD #n :one",
            {":one": 1, ":most": MOST_PROMPTS},
            condition="attribute_not_exists(#n) OR #n < :most",
            names={"#n": "n"},
        )
        try:
            self.items.transact(
                put_write(prompt_to_item(prompt), "attribute_not_exists(pk)"),
                room,
                not_deleted_write(prompt.prompt_id),
            )
        except ConditionFailed as err:
            if 0 in err.writes:
                return self.get(prompt.user_id, prompt.prompt_id)
            if 2 in err.writes:
                raise made_and_deleted("prompt") from err
            message = f"You have {MOST_PROMPTS} prompts, the most that one person can have. Delete one, then try again."
            raise Conflict(message, code="too_many_prompts") from err
        return prompt

    def change(self, user_id: str, prompt_id: str, changes: Mapping[str, str]) -> LibraryPrompt:
        """Sets what is named. Raises NotFound."""
        try:
            item = self.items.update(
                person_keys.prompt_key(user_id, prompt_id),
                "SET " + ", ".join(f"#{name} = :{name}" for name in changes),
                {f":{name}": value for name, value in changes.items()},
                condition="attribute_exists(pk)",
                names={f"#{name}": name for name in changes},
            )
        except ConditionFailed as err:
            raise _no_prompt(prompt_id) from err
        return prompt_from_item(item)

    def delete(self, user_id: str, prompt_id: str, now: datetime) -> None:
        """Raises NotFound."""
        gone = self.items.transact_if(
            delete_write(person_keys.prompt_key(user_id, prompt_id), "attribute_exists(pk)"),
            update_write(person_keys.prompts_count_key(user_id), "ADD #n :less", {":less": -1}, names={"#n": "n"}),
            deleted_write(prompt_id, now),
        )
        if not gone:
            raise _no_prompt(prompt_id)


@dataclass(frozen=True)
class PromptLibrary:
    store: PromptStore
    once: Once
    clock: Callable[[], datetime]

    def create(self, user_id: str, request: Mapping[str, Any], attempt: RequestAttempt = NOT_REPEATED) -> Body:
        """A new prompt, or the one that an earlier try of the same request made. Raises Conflict."""
        with self.once(CreateRequest(user_id, "prompts", fingerprint(request), attempt), "prompt") as claim:
            now = ids.timestamp(self.clock())
            prompt = LibraryPrompt(
                prompt_id=claim.id,
                user_id=user_id,
                name=request["name"],
                text=request["text"],
                created_at=now,
                updated_at=now,
            )
            return public_prompt(self.store.create(prompt))

    def list_prompts(self, user_id: str, query: dict[str, str]) -> Body:
        found = read_listing(lambda limit, after: self.store.newest(user_id, limit, after), query, "prompt")
        return found.body(public_prompt)

    def change(self, user_id: str, prompt_id: str, changes: Mapping[str, Any]) -> Body:
        """What is not named stays. Raises NotFound."""
        if not changes:
            return public_prompt(self.store.get(user_id, prompt_id))
        return public_prompt(
            self.store.change(user_id, prompt_id, {**changes, "updated_at": ids.timestamp(self.clock())})
        )

    def delete(self, user_id: str, prompt_id: str) -> Body:
        self.store.delete(user_id, prompt_id, self.clock())
        return {"id": prompt_id, "object": "prompt.deleted", "deleted": True}


def _no_prompt(prompt_id: str) -> NotFound:
    return NotFound(f"There is no prompt {quoted(prompt_id)}.", param="prompt_id", code="prompt_not_found")
