/** Whole records as the API gives them, for tests and for the story page: what a test is about, it says itself. */
import type { ApiKey, Batch, Conversation, Document, Message, Receipt, Session, Spend } from "../src/types";

export const AT = "2026-11-21T20:00:00.000Z";

export const session = (changes: Partial<Session> = {}): Session => ({
  ...{ id: "ses_1", object: "session", status: "requested", version: 1, trigger: "page", created_at: AT },
  ...{ launched_at: null, healthy_at: null, ended_at: null, end_requested: false, attempt: 0, phases: [] },
  ...{ instance: null, idle_seconds: 600, idle: null, usage: { prompt_tokens: 0, completion_tokens: 0, messages: 0 } },
  ...{ spend: null, outcome: null, error: null, receipt: null, expected_boot_seconds: null, boots: null, events: [] },
  ...changes,
});

export const instance = (changes: Partial<NonNullable<Session["instance"]>> = {}): NonNullable<Session["instance"]> => ({
  ...{ id: "i-1", type: "g6.xlarge", availability_zone: "us-east-1a", lifecycle: "spot" },
  ...changes,
});

export const spend = (changes: Partial<Spend> = {}): Spend => ({
  ...{ gpu_usd_per_hour: null, price_source: null, usd_per_hour: null, launches: [], month_usd: null },
  ...{ session_cap_usd: null, monthly_cap_usd: null, notice: null, notice_cap: null },
  ...changes,
});

export const receipt = (changes: Partial<Receipt> = {}): Receipt => ({
  ...{ session_id: "ses_1", instance_id: "i-1", instance_type: "g6.xlarge", lifecycle: "spot", region: "us-east-1" },
  ...{ launches: 1, launched_at: AT, terminated_at: AT, instance_seconds: 0, instance_minutes: 0 },
  ...{ price_per_hour_usd: null, price_source: null, gpu_usd: 0, storage_usd: 0, address_usd: 0, database_usd: 0 },
  ...{ bedrock_usd: 0, bedrock_messages: 0, prompt_tokens: 0, completion_tokens: 0, messages: 0, total_usd: 0 },
  ...{ boot_seconds: null, idle_seconds: null, idle_usd: null, if_bedrock_usd: null, always_on_day_usd: null },
  ...changes,
});

export const conversation = (changes: Partial<Conversation> = {}): Conversation => ({
  ...{ id: "con_1", object: "conversation", title: "", system: "", created_at: AT, updated_at: AT, expires_at: null },
  pinned: false,
  memories: true,
  documents: true,
  ...changes,
});

export const message = (changes: Partial<Message> = {}): Message => ({
  ...{ id: "msg_1", object: "message", conversation_id: "con_1", role: "user", content: "", status: "accepted" },
  created_at: AT,
  ...changes,
});

export const aDocument = (changes: Partial<Document> = {}): Document => ({
  ...{ id: "doc_1", object: "document", filename: "notes.pdf", bytes: 1_200_000, status: "ready", pages: 12, chunks: 40 },
  ...{ characters: 36_000, tokens: 9_000, cost_usd: 0.00018, created_at: AT, has_headings: false, error: null },
  ...changes,
});

export const key = (changes: Partial<ApiKey> = {}): ApiKey => ({
  ...{ id: "key_1", object: "api_key", name: "laptop", last_four: "abcd", created_at: AT, last_used_at: null },
  ...{ expires_at: null, can_create_keys: false },
  ...changes,
});

export const batchFacts = (changes: Partial<Batch["foreverus"]> = {}): Batch["foreverus"] => ({
  ...{ trigger: "api", backend: null, round: null, choice_text: null, choice: null, cost_usd: null, prompt_tokens: 0 },
  ...{ completion_tokens: 0, tokens_per_second: null, eta_seconds: null, sessions: [] },
  ...changes,
});

export const batch = (changes: Partial<Batch> = {}): Batch => ({
  ...{ id: "batch_1", object: "batch", endpoint: "/v1/chat/completions", model: null, errors: null },
  ...{ input_file_id: "file_1", completion_window: "24h", status: "in_progress", output_file_id: null },
  ...{ error_file_id: null, created_at: 100, in_progress_at: null, expires_at: null, finalizing_at: null },
  ...{ completed_at: null, failed_at: null, expired_at: null, cancelling_at: null, cancelled_at: null },
  request_counts: { total: 0, completed: 0, failed: 0 },
  usage: {
    ...{ input_tokens: 0, input_tokens_details: { cached_tokens: 0 }, output_tokens: 0 },
    ...{ output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 0 },
  },
  metadata: null,
  foreverus: batchFacts(),
  ...changes,
});
