"""What is in an export: entry by entry, each read when it is its turn, a page at a time."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

from foreverus import ids
from foreverus.access.preferences import PreferenceStore, public_preferences
from foreverus.access.records import MOST_KEYS
from foreverus.access.store import ApiKeyStore
from foreverus.aws.cognito_users import CognitoUsers
from foreverus.aws.dynamo import Table
from foreverus.aws.s3 import Objects
from foreverus.batches.records import Batch
from foreverus.batches.store import BatchStore
from foreverus.batches.views import public_batch
from foreverus.conversations.library import MOST_PROMPTS, PromptStore, public_prompt
from foreverus.conversations.records import Answer, Conversation
from foreverus.conversations.remembered.store import MemoryStore
from foreverus.conversations.store import ConversationStore
from foreverus.conversations.versions import Branch
from foreverus.conversations.views import public_conversation, public_exchanges
from foreverus.costs.usage.store import UsageStore
from foreverus.costs.usage.views import public_day
from foreverus.documents.records import original_key
from foreverus.documents.store import DocumentStore
from foreverus.documents.views import public_document
from foreverus.errors import NotFound
from foreverus.files.records import File
from foreverus.files.store import FileStore
from foreverus.files.views import public_file
from foreverus.privacy.export.words import LEIAME, README, file_name, markdown
from foreverus.sessions.store import SessionStore
from foreverus.sessions.views import public_session

PAGE = 100  # items of a list that are in memory at once


class Entry(NamedTuple):
    """`read` yields its bytes."""

    name: str
    read: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class PersonsData:
    items: Table
    api_keys: ApiKeyStore
    members: CognitoUsers
    objects: Objects
    clock: Callable[[], datetime]

    def entries(self, user_id: str) -> Iterator[Entry]:
        """In the same order each time; what is deleted meanwhile is left out."""
        yield Entry("LEIAME.txt", lambda: iter([LEIAME.encode()]))
        yield Entry("README.txt", lambda: iter([README.encode()]))
        yield Entry("account.json", partial(self._account, user_id))
        yield Entry("keys.jsonl", partial(self._keys, user_id))
        for conversation in self._conversations(user_id):
            name = f"conversations/{conversation.conversation_id}"
            yield Entry(f"{name}.jsonl", partial(self._conversation, conversation))
            yield Entry(f"{name}.md", partial(self._readable, conversation))
            if conversation.has_versions:
                yield Entry(f"{name}.earlier.jsonl", partial(self._earlier, conversation))
        yield Entry("prompts.jsonl", partial(self._prompts, user_id))
        yield Entry("memories.jsonl", partial(self._memories, user_id))
        yield Entry("documents.jsonl", lambda: _lines(map(public_document, DocumentStore(self.items).all(user_id))))
        for one in DocumentStore(self.items).all(user_id):
            key = original_key(user_id, one.document_id)
            if self.objects.head(key) is not None:
                name = f"documents/{one.document_id}/{file_name(one.filename)}"
                yield Entry(name, partial(self.objects.stream, key))
        yield Entry("files.jsonl", lambda: _lines(public_file(one) for one in self._files(user_id)))
        for file in self._files(user_id):
            if self.objects.head(file.object_key) is not None:
                yield Entry(
                    f"files/{file.file_id}/{file_name(file.filename)}", partial(self.objects.stream, file.object_key)
                )
        yield Entry("batches.jsonl", partial(self._batches, user_id))
        yield Entry("usage.jsonl", partial(self._usage, user_id))

    def _account(self, user_id: str) -> Iterator[bytes]:
        member = self.members.get(user_id)
        known = {"email": member.email, "created_at": member.created_at} if member else {}
        preferences = public_preferences(PreferenceStore(self.items).get(user_id))
        account = {"user_id": user_id, **known, "preferences": preferences}
        yield json.dumps(account, ensure_ascii=False, indent=2).encode()

    def _keys(self, user_id: str) -> Iterator[bytes]:
        """Names and dates: neither the end of a key nor its digest."""
        return _lines(
            {
                "id": one.key_id, "name": one.name, "created_at": one.created_at, "last_used_at": one.last_used_at,
                "expires_at": one.expires_at, "can_create_keys": one.can_create_keys,
            }
            for one in self.api_keys.newest(user_id, MOST_KEYS)
        )  # fmt: skip

    def _prompts(self, user_id: str) -> Iterator[bytes]:
        return _lines(map(public_prompt, PromptStore(self.items).newest(user_id, MOST_PROMPTS)))

    def _memories(self, user_id: str) -> Iterator[bytes]:
        return _lines(
            {
                "id": one.memory_id, "text": one.text, "enabled": one.enabled, "conversation_id": one.conversation_id,
                "created_at": one.created_at, "updated_at": one.updated_at,
            }
            for one in MemoryStore(self.items).all(user_id)
        )  # fmt: skip

    def _conversations(self, user_id: str) -> Iterator[Conversation]:
        """Each is asked for when it is its turn: a page is minutes old by then, and somebody may have deleted one."""
        store, after = ConversationStore(self.items), ""
        while found := store.newest(user_id, PAGE, after):
            for one in found:
                try:
                    still = store.with_title(store.get(user_id, one.conversation_id))
                except NotFound:
                    continue
                yield still
            after = found[-1].conversation_id

    def _files(self, user_id: str) -> Iterator[File]:
        """Without those whose time is over, as everywhere."""
        store, after, now = FileStore(self.items), "", ids.timestamp(self.clock())
        while found := store.by_age(user_id, PAGE, after, now=now):
            yield from found
            after = found[-1].file_id

    def _all_batches(self, user_id: str) -> Iterator[Batch]:
        store, after = BatchStore(self.items), ""
        while found := store.newest(user_id, PAGE, after):
            yield from found
            after = found[-1].batch_id

    def _messages(self, conversation: Conversation) -> Iterator[dict[str, object]]:
        store = ConversationStore(self.items)
        branch = Branch(store.replacements(conversation))
        return public_exchanges(
            store.messages(conversation.conversation_id, page=PAGE, branch=branch), newest_first=False
        )

    def _earlier(self, conversation: Conversation) -> Iterator[bytes]:
        """What is in earlier versions alone."""
        store = ConversationStore(self.items)
        branch = Branch(store.replacements(conversation))
        found = store.messages(conversation.conversation_id, page=PAGE)
        earlier = (one for one in found if not branch.holds(one.message_id))
        return _lines(public_exchanges(earlier, newest_first=False))

    def _conversation(self, conversation: Conversation) -> Iterator[bytes]:
        yield from _lines([public_conversation(conversation)])
        yield from _lines(self._messages(conversation))

    def _readable(self, conversation: Conversation) -> Iterator[bytes]:
        return (part.encode("utf-8", "replace") for part in markdown(conversation.title, self._messages(conversation)))

    def _batches(self, user_id: str) -> Iterator[bytes]:
        store = BatchStore(self.items)
        return _lines(
            public_batch(one, [] if one.is_over else store.shards(one.batch_id), one.result.cost_usd, self.clock())
            for one in self._all_batches(user_id)
        )

    def _usage(self, user_id: str) -> Iterator[bytes]:
        """What is known: each day of thirteen months, the answers that are still there, and the sessions that the
        person began."""
        yield from _lines(map(public_day, UsageStore(self.items).of_person(user_id, self.clock())))
        for conversation in self._conversations(user_id):
            found = ConversationStore(self.items).messages(conversation.conversation_id, page=PAGE)
            used = [
                (one.usage.prompt_tokens, one.usage.completion_tokens)
                for one in found
                if isinstance(one, Answer) and one.usage
            ]
            yield from _lines(
                [
                    {
                        "object": "usage.conversation", "id": conversation.conversation_id, "answers": len(used),
                        "prompt_tokens": sum(prompt for prompt, _ in used),
                        "completion_tokens": sum(completion for _, completion in used),
                    }
                ]
            )  # fmt: skip
        yield from _lines(public_session(one) for one in SessionStore(self.items).of_owner(user_id))


def _lines(found: Iterable[object]) -> Iterator[bytes]:
    """JSON lines in ASCII, so that no character within ends one for any reader."""
    return (json.dumps(one).encode() + b"\n" for one in found)
