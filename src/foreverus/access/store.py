"""API keys in a table of their own (docs/decisions/0015): each one's record stands under its digest, and each person
has an item for each of their keys, which leads to it, and one that counts them."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from foreverus.access.records import MOST_KEYS, ApiKey, digest_of
from foreverus.aws import credential_keys
from foreverus.aws.dynamo import (
    ConditionFailed,
    Table,
    Values,
    Write,
    check_write,
    delete_write,
    put_write,
    update_write,
)
from foreverus.errors import Conflict, NotAuthenticated, NotFound
from foreverus.text import quoted


class ApiKeyStore:
    def __init__(self, items: Table):
        self.items = items

    def find(self, secret: str) -> ApiKey | None:
        """The key that has this text, expired or not; None if nobody's has."""
        found = self.items.get(credential_keys.api_key_key(digest_of(secret)))
        return _from_item(found) if found else None

    def newest(self, user_id: str, limit: int, after: str = "") -> list[ApiKey]:
        """A person's keys, newest first: ids sort by time."""
        partition = credential_keys.api_keys_partition(user_id)
        before = credential_keys.own_api_key_key(user_id, after)["sk"] if after else ""
        newest: list[ApiKey] = []
        while asked := limit - len(newest):
            listed = list(self.items.query(partition, "KEY#", newest_first=True, limit=asked, before=before))
            found = self.items.get_all([credential_keys.api_key_key(one["digest"]) for one in listed])
            records = {one.key_id: one for one in map(_from_item, found)}
            # What was revoked between the two reads is gone; older ones take its place.
            ids = [str(one["sk"]).removeprefix("KEY#") for one in listed]
            newest += [records[key_id] for key_id in ids if key_id in records]
            if len(listed) < asked:
                break
            before = str(listed[-1]["sk"])
        return newest

    def get(self, user_id: str, key_id: str) -> ApiKey:
        """Raises NotFound for one that is not there or belongs to somebody else."""
        own = self.items.get(credential_keys.own_api_key_key(user_id, key_id))
        found = self.items.get(credential_keys.api_key_key(own["digest"])) if own else None
        if not found:
            raise _no_key(key_id)
        return _from_item(found)

    def is_kept(self, user_id: str, key_id: str) -> bool:
        """Whether the person still has this key, expired or not. Reads nothing of it."""
        return self.items.get(credential_keys.own_api_key_key(user_id, key_id)) is not None

    def create(self, key: ApiKey, maker: ApiKey | None = None) -> None:
        """Keeps it, if the person has room for it, for which expired keys go, and `maker`, the key that it is made
        with, may still make keys: all in one transaction, so that neither two requests at once nor a key that was just
        revoked get past that. Raises Conflict and NotAuthenticated."""
        writes = [
            update_write(
                credential_keys.api_keys_count_key(key.user_id),
                "ADD #n :one",
                {":one": 1, ":most": MOST_KEYS},
                condition="attribute_not_exists(#n) OR #n < :most",
                names={"#n": "n"},
            ),
            put_write({**credential_keys.own_api_key_key(key.user_id, key.key_id), "digest": key.digest}),
            put_write(_to_item(key), "attribute_not_exists(pk)"),
            *([_may_make_keys(maker, key.created_at)] if maker else []),
        ]
        try:
            self.items.transact(*writes)
        except ConditionFailed as err:
            if 3 in err.writes:
                raise NotAuthenticated(
                    "The API key that you came with has expired or was revoked.", code="invalid_api_key"
                ) from err
            if 0 not in err.writes:
                raise
            if self._remove_expired(key.user_id, key.created_at):
                return self.create(key, maker)
            message = f"You have {MOST_KEYS} API keys, the most that one person can have. Revoke one, then try again."
            raise Conflict(message, code="too_many_keys") from err

    def _remove_expired(self, user_id: str, now: str) -> bool:
        """Takes the person's expired keys away; whether there were any."""
        expired = [one for one in self.newest(user_id, MOST_KEYS) if one.has_expired(now)]
        for one in expired:
            with suppress(NotFound):  # its owner was faster
                self.revoke(user_id, one.key_id)
        return bool(expired)

    def revoke(self, user_id: str, key_id: str) -> None:
        """Raises NotFound for one that is not there (any more), or is somebody else's."""
        key = self.get(user_id, key_id)
        gone = self.items.transact_if(
            delete_write(credential_keys.own_api_key_key(user_id, key_id), "attribute_exists(pk)"),
            delete_write(credential_keys.api_key_key(key.digest)),
            update_write(credential_keys.api_keys_count_key(user_id), "ADD #n :less", {":less": -1}, names={"#n": "n"}),
        )
        if not gone:
            raise _no_key(key_id)

    def forget_person(self, user_id: str) -> int:
        """Every key of a person, and that they had any; returns how many keys there were. Once more changes nothing."""
        partition, found = credential_keys.api_keys_partition(user_id), 0
        for item in self.items.query(partition, "KEY#"):
            self.items.delete(credential_keys.api_key_key(item["digest"]))  # first: from here on it opens nothing
            self.items.delete({"pk": partition, "sk": item["sk"]})
            found += 1
        self.items.delete(credential_keys.api_keys_count_key(user_id))
        return found

    def used(self, key: ApiKey, now: str, before: str) -> None:
        """Notes that it was used, unless that was noted at `before` or later. A key that was revoked stays away."""
        try:
            self.items.update(
                credential_keys.api_key_key(key.digest),
                "SET last_used_at = :now",
                {":now": now, ":before": before},
                condition="attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :before)",
            )
        except ConditionFailed:
            return


def _may_make_keys(maker: ApiKey, now: str) -> Write:
    return check_write(
        credential_keys.api_key_key(maker.digest),
        "can_create_keys = :yes AND (attribute_not_exists(expires_at) OR expires_at > :now)",
        {":yes": True, ":now": now},
    )


def _to_item(key: ApiKey) -> Values:
    item = {
        **credential_keys.api_key_key(key.digest),
        "key_id": key.key_id,
        "user_id": key.user_id,
        "digest": key.digest,
        "name": key.name,
        "last_four": key.last_four,
        "created_at": key.created_at,
        "can_create_keys": key.can_create_keys,
    }
    return item if key.expires_at is None else {**item, "expires_at": key.expires_at}


def _from_item(item: Mapping[str, Any]) -> ApiKey:
    return ApiKey(
        key_id=item["key_id"],
        user_id=item["user_id"],
        digest=item["digest"],
        name=item["name"],
        last_four=item["last_four"],
        created_at=item["created_at"],
        expires_at=item.get("expires_at"),
        last_used_at=item.get("last_used_at"),
        can_create_keys=item["can_create_keys"],
    )


def _no_key(key_id: str) -> NotFound:
    return NotFound(f"There is no API key {quoted(key_id)}.", param="key_id", code="key_not_found")
