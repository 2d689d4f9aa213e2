/** What crosses the wire: docs/architecture.md, "REST" and "WebSocket". Times are ISO 8601 UTC. */
import type { UsagePart } from "./logic/usage";

export type SessionStatus = "requested" | "launching" | "booting" | "serving" | "draining" | "ended" | "failed";

export interface Phase {
  name: string;
  at: string;
  attempt: number;
}

export interface Receipt {
  session_id: string;
  instance_id?: string | null;
  instance_type?: string | null;
  lifecycle?: "spot" | "on-demand" | null;
  region?: string | null;
  launched_at?: string | null;
  terminated_at?: string | null;
  instance_seconds?: number;
  instance_minutes?: number;
  price_per_hour_usd?: number | null;
  price_source?: string | null;
  gpu_usd?: number | null;
  storage_usd?: number;
  address_usd?: number;
  /** PostgreSQL woke up to keep the session. */
  database_usd?: number;
  /** What Bedrock took because no GPU could be had. */
  bedrock_usd?: number | null;
  bedrock_messages?: number;
  prompt_tokens?: number;
  completion_tokens?: number;
  messages?: number;
  /** null: nobody knows the price of what ran. */
  total_usd: number | null;
}

/** What a session's instances cost by the hour, as noted when each was bought, and what may be spent. */
export interface Spend {
  gpu_usd_per_hour: number | null;
  /** With disk and address. */
  usd_per_hour: number | null;
  price_source?: string | null;
  launches: { launched_at: string; gpu_usd_per_hour?: number | null }[];
  month_usd?: number | null;
  session_cap_usd?: number | null;
  monthly_cap_usd?: number | null;
  /** 80 or 100 percent of a cap are used up. */
  notice?: number | null;
  notice_cap?: "session" | "month" | null;
}

/** What is in work while a session is live, and what comes of it when the one who asks ends it. */
export interface SessionWork {
  messages: { yours: number; of_others: number };
  batches: readonly {
    id: string | null;
    owner: "you" | "somebody_else" | "schedule";
    lines: number;
    lines_left: number;
    goes_on: boolean;
  }[];
}

export interface Session {
  id: string;
  object: "session";
  status: SessionStatus;
  version: number;
  trigger?: string;
  created_at: string;
  launched_at?: string | null;
  healthy_at?: string | null;
  ended_at?: string | null;
  end_requested?: boolean;
  attempt?: number;
  phases?: Phase[];
  instance?: { id: string; type?: string; availability_zone?: string; lifecycle?: "spot" | "on-demand" } | null;
  idle_seconds?: number | null;
  usage?: { prompt_tokens: number; completion_tokens: number; messages: number };
  spend?: Spend | null;
  outcome?: string | null;
  error?: { code: string; message: string } | null;
  receipt?: Receipt | null;
  expected_boot_seconds?: number | null;
}

export interface Usage {
  object: "usage";
  month: string;
  spent_usd: number;
  live_usd: number;
  total_usd: number;
  reserved_usd?: number;
  caps: { monthly_usd: number; session_usd: number };
}

/** Who is to answer: `auto` is whichever is right for it. */
export type BackendChoice = "auto" | "gpu" | "bedrock";

/** Why a backend answered: `text` is one English sentence, `reason` the word that the page translates. */
export interface Choice {
  backend: "gpu" | "bedrock";
  reason: string;
  text: string;
  numbers?: Record<string, number | string | boolean | null>;
}

export interface Range {
  low: number;
  expected: number;
  high: number;
}

/** What POST /quotes takes of what the page asks. */
export type QuoteWish =
  | { kind: "session"; minutes: number; allow_on_demand: boolean }
  | {
      kind: "batch";
      lines: number;
      prompt_tokens: number;
      endpoint?: string;
      completion_window: string;
      allow_on_demand: boolean;
    };

/** `seconds`: until the last word; of a session, of its GPU's life. `why_not`: it cannot be had for this. */
export interface BackendQuote {
  backend: "gpu" | "bedrock";
  usd: Range | null;
  seconds: Range | null;
  first_word_seconds: Range | null;
  why_not: string | null;
}

export interface Quote {
  kind: "session" | "chat" | "batch";
  backends: readonly BackendQuote[];
  auto: { backend: "gpu" | "bedrock" | null; reason: string; text: string };
  assumptions: readonly Assumption[];
}

/** What a figure was reckoned with, and where that comes from. */
export interface Assumption extends Range {
  name: string;
  unit: string;
  source: string;
}

export interface UsageReport extends Usage {
  from: string;
  to: string;
  team: UsagePart;
  own: UsagePart;
  assumptions: readonly Assumption[];
}

export interface Conversation {
  id: string;
  object: "conversation";
  title?: string | null;
  created_at: string;
  updated_at?: string;
  /** Who answers where a message does not say. */
  backend?: BackendChoice | null;
  /** When it is deleted if nobody writes in it before. */
  expires_at?: string | null;
}

export type MessageStatus = "accepted" | "queued" | "answering" | "answered" | "failed";

export interface Message {
  id: string;
  object: "message";
  conversation_id: string;
  role: "user" | "assistant";
  content: string | null;
  status: MessageStatus;
  created_at: string;
  answered_at?: string | null;
  in_reply_to?: string | null;
  /** Of a question: the one whose place it took; that and what followed it are an earlier version. */
  replaces?: string | null;
  session_id?: string | null;
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
  finish_reason?: string | null;
  /** "bedrock": no GPU of ours wrote it. */
  backend?: string | null;
  choice?: Choice | null;
  /** It was first to be answered there, and could not be. */
  moved_from?: "gpu" | "bedrock" | null;
  /** So many earlier messages, at least, did not fit the model's context beside the question. */
  trimmed_messages?: number | null;
  error?: { code: string; message: string } | null;
}

export type BatchStatus =
  | "validating"
  | "failed"
  | "in_progress"
  | "finalizing"
  | "completed"
  | "expired"
  | "cancelling"
  | "cancelled";

export interface BatchError {
  code?: string | null;
  message?: string | null;
  line?: number | null;
  param?: string | null;
}

/** OpenAI's batch; its times are whole seconds. `foreverus` is ours: docs/batches.md, "API". */
export interface Batch {
  id: string;
  object: "batch";
  status: BatchStatus;
  endpoint: string;
  model?: string | null;
  input_file_id: string;
  completion_window: string;
  output_file_id?: string | null;
  error_file_id?: string | null;
  /** `total`: how many were found, where more than are listed. */
  errors?: { data?: BatchError[]; total?: number } | null;
  created_at: number;
  in_progress_at?: number | null;
  expires_at?: number | null;
  finalizing_at?: number | null;
  completed_at?: number | null;
  failed_at?: number | null;
  expired_at?: number | null;
  cancelling_at?: number | null;
  cancelled_at?: number | null;
  request_counts?: { total: number; completed: number; failed: number } | null;
  metadata?: Record<string, string> | null;
  foreverus?: {
    trigger?: string | null;
    backend?: string | null;
    round?: number | null;
    choice?: unknown;
    choice_text?: string | null;
    cost_usd?: number | null;
    prompt_tokens?: number | null;
    completion_tokens?: number | null;
    tokens_per_second?: number | null;
    eta_seconds?: number | null;
    sessions?: string[] | null;
  } | null;
}

/** `upload`: only in the answer that makes the file; `headers` are part of what was signed. */
export interface BatchFile {
  id: string;
  object: "file";
  bytes: number;
  filename: string;
  status?: string;
  upload?: { method: "PUT"; url: string; headers?: Record<string, string>; expires_at?: number | string };
}

export interface ApiKey {
  id: string;
  object: "api_key";
  name: string;
  last_four: string;
  created_at: string;
  /** To the hour. */
  last_used_at?: string | null;
  expires_at?: string | null;
  can_create_keys?: boolean;
}

/** `key`: the key itself, in the answer that makes it and nowhere else. */
export interface NewApiKey extends ApiKey {
  key: string;
}

export interface RevokedApiKey {
  id: string;
  deleted: true;
  effective_within_seconds?: number;
}

/** Everything of a person in one zip; `url` is good for an hour. */
export interface Export {
  id: string;
  status: "running" | "ready" | "failed";
  created_at: string;
  expires_at: string;
  bytes?: number;
  url?: string;
}

/** The deletion of everything of a person: `id` is the receipt's. */
export interface Erasure {
  id: string;
  kept: { where: string; what: string; days: number }[];
}

export interface List<T> {
  object: "list";
  data: T[];
  has_more?: boolean;
}

export interface Posted {
  message: Message;
  answer: Message;
  session: Session | null;
}

export interface WireError {
  message: string;
  type?: string | null;
  param?: string | null;
  code?: string | null;
}

export type ServerFrame =
  | { type: "subscribed" | "unsubscribed"; session_id?: string; conversation_id?: string }
  | { type: "ping" | "pong" }
  | { type: "session"; session: Session }
  | { type: "delta"; conversation_id: string; message_id: string; offset: number; text: string }
  | { type: "message"; conversation_id: string; message: Message }
  | { type: "error"; error: WireError };
