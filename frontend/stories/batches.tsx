/** A batch from an empty form to its end: each state of a file that is checked and sent, and of a batch that runs. */
import * as state from "../src/state";
import { newDraft, type BatchDraft } from "../src/logic/batchDraft";
import type { Report } from "../src/logic/batchCheck";
import type { Problem } from "../src/logic/batchFindings";
import type { Table } from "../src/logic/tables";
import type { Batch } from "../src/types";
import BatchNew from "../src/ui/BatchNew";
import BatchView from "../src/ui/BatchView";
import { batch, batchFacts } from "../test/made";
import { pressing, QUOTE, quoted, silent, writing, type Stories, type Story } from "./kit";

const FILE = new File(["{}"], "enem-2024.jsonl");
const GOOD: Report = {
  ...{ lines: 360, bytes: 182_000, problems: [], counts: {}, endpoint: "/v1/chat/completions", model: "mistral-7b" },
  ...{ promptTokens: 48_200, whole: true },
};
const PROBLEMS: readonly Problem[] = [
  { line: 2, code: "invalid_json", param: null, hint: "cut" },
  { line: 3, code: "missing_field", param: "custom_id" },
  { line: 4, code: "invalid_field", param: "body.temperature", hint: "range", values: { least: 0, most: 2 } },
  { line: 5, code: "unknown_model", param: "body.model", hint: "model", values: { found: "gpt-4o", known: "mistral-7b" } },
  { line: 6, code: "duplicate_custom_id", param: "custom_id", hint: "duplicate", values: { id: "enem-2024-matematica-136", first: 3 } },
  { line: null, code: "too_many_lines", param: null, hint: "limit", values: { most: 50_000 } },
];
const BAD: Report = { ...GOOD, problems: PROBLEMS.slice(0, 1), counts: { invalid_json: 1 }, endpoint: null, model: null };
const MANY = Array.from({ length: 3 }, () => PROBLEMS).flat();
const WORSE: Report = { ...BAD, problems: MANY, counts: { invalid_json: 300, missing_field: 60 }, whole: false };
const TABLE: Table = {
  name: "vestibular.csv",
  columns: ["materia", "pergunta"],
  rows: [
    ["Biologia", "Qual gás a fotossíntese libera?"],
    ["Matemática", "Resolva: 2x + 6 = 14."],
    ["Literatura", "Quem escreveu Dom Casmurro?"],
    ["História", "O que foi a Lei Áurea?"],
  ],
};
const LIST: Table = { name: "questions.txt", columns: ["text"], rows: [["Why is the sky blue?"], ["word ".repeat(90)]] };

function fresh(changes: Partial<BatchDraft> | null, does?: Story["does"]): Story {
  return {
    set() {
      state.models.value = ["mistral-7b", "mistral-7b@bedrock"];
      state.batchDraft.value = changes && { ...newDraft(FILE, "key"), ...changes };
    },
    show: () => <BatchNew actions={silent as never} quotes={quoted({ ...QUOTE, kind: "batch" })} />,
    ...(does && { does }),
  };
}

const CHECKED = { phase: "checked", report: GOOD } as const;
const FAILED = { code: "invalid_json", message: "Line 4 is no JSON.", line: 4, param: null };
const RUNNING: Partial<Batch> = {
  ...{ status: "in_progress", in_progress_at: 200, expires_at: 90_000, request_counts: { total: 360, completed: 212, failed: 3 } },
  metadata: { filename: "enem-2024.jsonl" },
  foreverus: batchFacts({ backend: "bedrock", round: 1, cost_usd: 0.31, tokens_per_second: 452, eta_seconds: 260, prompt_tokens: 48_200, completion_tokens: 96_400 }),
};
const OVER = { ...RUNNING, output_file_id: "file_2", error_file_id: "file_3" };

function shown(changes: Partial<Batch> | null, more: Partial<Story> = {}): Story {
  return {
    set() {
      state.batchId.value = "batch_1";
      if (changes) state.batches.value = [batch(changes)];
    },
    show: () => <BatchView id="batch_1" actions={silent as never} draft={silent as never} />,
    ...more,
  };
}

const stale = (story: Story): Story => ({ ...story, set: () => (story.set?.(), (state.batchStale.value = true)) });
const nothing = { total: 0, completed: 0, failed: 0 };

export const BATCHES: Stories = {
  "new batch: nothing yet": fresh(null),
  "new batch: what a file is like": fresh(null, pressing(".format summary")),
  "new batch: typed": fresh(null, writing(".table-form textarea", "Why is the sky blue?\nAnd at night?")),
  "new batch: checked just now": fresh({ read: 1, lines: 12_000 }),
  "new batch: good": fresh(CHECKED),
  "new batch: on Bedrock alone": fresh({ ...CHECKED, options: { backend: "bedrock", onDemand: false, window: "168h" } }),
  "new batch: its quote's assumptions": fresh(CHECKED, pressing(".quote summary")),
  "new batch: one error": fresh({ phase: "checked", report: BAD }),
  "new batch: many errors": fresh({ phase: "checked", report: WORSE }),
  "new batch: all errors shown": fresh({ phase: "checked", report: WORSE }, pressing(".problems .quiet")),
  "new batch: unreadable": fresh({ phase: "failed", error: "No." }),
  "new batch: uploading": fresh({ ...CHECKED, phase: "uploading", sent: 1 }),
  "new batch: being made": fresh({ ...CHECKED, phase: "creating", asked: true }),
  "new batch: not made": fresh({ ...CHECKED, phase: "failed", error: "No.", trace: { id: "req_1", code: "upload" } }),
  "table: a spreadsheet": fresh({ phase: "checked", table: TABLE }),
  "table: a template of both columns": fresh({ phase: "checked", table: TABLE }, writing(".table-form textarea", "{{materia}}: {{pergunta}}")),
  "table: a column that is not there": fresh({ phase: "checked", table: TABLE }, writing(".table-form textarea", "{{resposta}}")),
  "table: a list of lines": fresh({ phase: "checked", table: LIST }),
  "table: no limit": fresh({ phase: "checked", table: LIST }, writing(".table-form input", "")),
  "batch: nobody has said": shown(null),
  "batch: checked by the server": shown({ ...RUNNING, status: "validating", request_counts: nothing }),
  "batch: running": shown(RUNNING),
  "batch: waiting for a GPU": shown({ ...RUNNING, foreverus: batchFacts({ backend: "gpu" }) }),
  "batch: of the schedule": shown({ ...RUNNING, foreverus: batchFacts({ trigger: "schedule", backend: "bedrock" }) }),
  "batch: last known": stale(shown(RUNNING)),
  "batch: really cancelled?": shown(RUNNING, { does: pressing("#cancel-batch") }),
  "batch: cancelling": shown({ ...RUNNING, status: "cancelling", cancelling_at: 400 }),
  "batch: cancelled": shown({ ...OVER, status: "cancelled", cancelling_at: 400, cancelled_at: 500 }),
  "batch: finalizing": shown({ ...RUNNING, status: "finalizing", finalizing_at: 800 }),
  "batch: done": shown({ ...OVER, status: "completed", completed_at: 900, request_counts: { total: 60, completed: 58, failed: 2 } }),
  "batch: downloading": {
    ...shown({ ...OVER, status: "completed", completed_at: 900 }),
    set() {
      shown({ ...OVER, status: "completed", completed_at: 900 }).set!();
      state.downloads.value = { file_2: 1_200_000 };
    },
  },
  "batch: expired": shown({ ...OVER, status: "expired", expired_at: 90_000 }),
  "batch: refused": shown({ ...RUNNING, status: "failed", in_progress_at: null, failed_at: 300, request_counts: nothing, errors: { object: "list", data: [FAILED] } } as Partial<Batch>),
  "batch: its details": shown(RUNNING, { does: pressing("details:last-of-type summary") }),
};
