"""Takes a deleted conversation's messages out of the table, whoever may still be answering them.

Its own item goes first (`ConversationStore.delete`), so that no question can be accepted any more. Then the questions:
whoever keeps a part or the whole of an answer does so on the condition that its question is there. Then the answers.
"""

from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from foreverus.sessions.pending import PendingWorkStore


class ConversationEraser:
    def __init__(self, items: Table):
        self.items = items

    def erase(self, conversation_id: str) -> None:
        """Once more changes nothing."""
        partition = keys.messages_partition(conversation_id)
        for item in self.items.query(partition, "MESSAGE#"):
            if item["sk"].endswith("#0"):
                PendingWorkStore(self.items).forget(item["message_id"])
                self.items.delete({"pk": partition, "sk": item["sk"]})
        for item in self.items.query(partition):  # those that came before their questions went, and what replaced what
            if item["sk"].endswith("#1") and "message_id" in item:
                self.items.delete(keys.answered_key(item.get("session_id") or keys.NO_SESSION, item["message_id"]))
            self.items.delete({"pk": partition, "sk": item["sk"]})
