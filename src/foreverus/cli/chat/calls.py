"""The API's calls of a chat. What makes something carries an Idempotency-Key, so that all tries of it make one."""

import uuid
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

from foreverus.cli.api import PAGE, TRIES, Api, value_of
from foreverus.cli.failures import CommandFailed
from foreverus.cli.objects.conversations import (
    AcceptedObject,
    ConversationObject,
    DocumentObject,
    MessageObject,
    MessageRequest,
    SourcesObject,
)


@dataclass(frozen=True)
class ChatCalls:
    api: Api

    def create(self, fields: ConversationObject) -> ConversationObject:
        return cast(ConversationObject, self.api.call("POST", "/conversations", headers=_once(), json=fields))

    def conversation(self, conversation_id: str) -> ConversationObject:
        return cast(ConversationObject, self.api.call("GET", _of(conversation_id)))

    def newest(self) -> list[ConversationObject]:
        """A hundred at most, newest first."""
        listed = self.api.call("GET", "/conversations", params={"limit": str(PAGE)})
        return cast(list[ConversationObject], value_of(listed, "data"))

    def rename(self, conversation_id: str, title: str) -> ConversationObject:
        return cast(ConversationObject, self.api.call("PATCH", _of(conversation_id), json={"title": title}))

    def delete(self, conversation_id: str) -> None:
        self.api.call("DELETE", _of(conversation_id))

    def send(self, conversation_id: str, message: MessageRequest) -> AcceptedObject:
        path = f"{_of(conversation_id)}/messages"
        return cast(AcceptedObject, self.api.call("POST", path, headers=_once(), json=message))

    def answer(self, conversation_id: str, question_id: str, tries: int = TRIES) -> MessageObject:
        """What there is of the answer to that question."""
        query = {"after": question_id, "limit": "1"}
        listed = self.api.call("GET", f"{_of(conversation_id)}/messages", tries=tries, params=query)
        return cast(MessageObject, value_of(listed, "data")[0])

    def last(self, conversation_id: str, count: int) -> list[MessageObject]:
        """The newest questions and answers, oldest first."""
        query = {"order": "desc", "limit": str(count)}
        listed = self.api.call("GET", f"{_of(conversation_id)}/messages", params=query)
        return cast(list[MessageObject], value_of(listed, "data"))[::-1]

    def documents_of(self, sources: SourcesObject) -> list[DocumentObject]:
        """All of the person's, with the headings of those that an answer was given passages of."""
        cited = {one.get("document_id") for one in sources.get("found") or []}
        listed = cast(list[DocumentObject], value_of(self.api.call("GET", "/documents", tries=1), "data"))
        return [self._document(one) if one.get("id") in cited else one for one in listed]

    def _document(self, listed: DocumentObject) -> DocumentObject:
        if not listed.get("has_headings"):
            return listed
        try:
            path = f"/documents/{quote(str(listed.get('id')), safe='')}"
            return cast(DocumentObject, self.api.call("GET", path, tries=1))
        except CommandFailed:
            return listed  # its name says more than nothing

    def stop(self, conversation_id: str, message_id: str) -> None:
        """Ends an answer in work; what is written of it stays."""
        self.api.call("DELETE", f"{_of(conversation_id)}/messages/{quote(message_id, safe='')}")


def _of(conversation_id: str) -> str:
    return f"/conversations/{quote(conversation_id, safe='')}"


def _once() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}
