/**
 * The names by which the page calls what crosses the wire. The shapes are the API's own (`wire.ts`, made by
 * `make page-types`); the WebSocket's frames, which OpenAPI has no words for, stand in `frames.ts`. Times are ISO 8601 UTC.
 */
import type * as wire from "./wire";

import type { Document } from "./wire";

export type Heading = NonNullable<Document["headings"]>[number];
export type { ApiKey, Assumption, BackendQuote, Batch, Choice, Conversation, ConversationList, Document, DocumentList, DocumentText, Erasure, Export, Memory, MemoryChange, MemoryCreate, MemoryList, Message, NewApiKey, PassageList, Prompt, Quote, Range, Receipt, RevokedApiKey, Session, SessionEvent, SessionWork, Sources, Spend, TextPart, UsageSum } from "./wire";
export type { Accepted as Posted, Person as Me, AccountChange as MeChange, PromptCreate, PromptChange, ConversationChange, ConversationCreate, BatchCreate as NewBatch, File as BatchFile, KeyCreate as KeyWish, QuoteCreate as QuoteWish, Usage as UsageReport, UsageReport as UsagePart } from "./wire";

export type WireError = wire.Error["error"];
export type SessionStatus = wire.Session["status"];
export type MessageStatus = wire.Message["status"];
export type BatchStatus = wire.Batch["status"];
export type BatchError = NonNullable<wire.Batch["errors"]>["data"][number];
export type Phase = wire.Session["phases"][number];
/** The meter: what the page shows of it beside a session. */
export type Usage = wire.Usage;
/** Who is to answer: `auto` is whichever is right for it. */
export type BackendChoice = NonNullable<wire.Conversation["backend"]>;

export interface List<T> {
  object: "list";
  data: T[];
  has_more: boolean;
}
