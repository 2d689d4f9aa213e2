"""Whether a question may take the place of an earlier one."""

from dataclasses import dataclass

from foreverus.conversations.records import Conversation, MessageRef, Question
from foreverus.conversations.stopping import no_message, question_id
from foreverus.conversations.store import ConversationStore
from foreverus.conversations.versions import Branch
from foreverus.errors import Conflict
from foreverus.sessions.pending import PendingWorkStore


@dataclass(frozen=True)
class Replacing:
    store: ConversationStore
    pending: PendingWorkStore

    def check(self, message: MessageRef, replaced: str, conversation: Conversation) -> Question:
        """The question that it replaces. `conversation`: as it was read before this, and as it still is when the
        message is kept. Raises NotFound where there is no such message, Conflict where it is in an earlier version or
        something waits for its answer."""
        of_it = question_id(replaced)
        question = self.store.question(MessageRef(of_it, message.conversation_id, message.user_id))
        if question is None:
            raise no_message(replaced, "replaces")
        if not Branch(self.store.replacements(conversation)).holds(of_it):
            shown = "This message was replaced already: take one of the conversation as it is now."
            raise Conflict(shown, param="replaces", code="message_replaced")
        if self.pending.of_conversation(message.conversation_id):
            shown = "Something in this conversation is being answered. Wait for it, or stop it first."
            raise Conflict(shown, param="replaces", code="conversation_busy")
        if conversation.newest_message_id > message.message_id:  # an earlier try of this request was cut off
            shown = (
                "Something was written in this conversation since this was first sent. Send it again as a new request."
            )
            raise Conflict(shown, param="replaces", code="conversation_changed")
        return question
