/** What comes over the WebSocket: docs/architecture.md, "WebSocket". Kept by hand: OpenAPI describes no sockets. */
import type { Conversation, Message, Session, WireError } from "./types";

/** A message that is more than a frame holds comes without its text, and is asked for. */
export type PushedMessage = Omit<Message, "content"> & { content: string | null };

export interface DeletedConversation {
  id: string;
  object: "conversation.deleted";
}

export type ServerFrame =
  | { type: "subscribed" | "unsubscribed"; session_id?: string; conversation_id?: string; list?: string }
  | { type: "ping" | "pong" }
  | { type: "session"; session: Session }
  | { type: "delta"; conversation_id: string; message_id: string; offset: number; text: string }
  | { type: "conversation"; conversation: Conversation | DeletedConversation }
  | { type: "deleted"; conversation_id: string; message_id: string }
  | { type: "message"; conversation_id: string; message: PushedMessage }
  | { type: "error"; error: WireError };

export const hasText = (message: PushedMessage): message is Message => message.content !== null;
