/** Made by `make page-types` from the API's OpenAPI document. Change shapes.json, not this. */

export type Text = string;
export type Sound = string;

/** OpenAI's shape of an error */
export interface Error {
  /** Of what API Gateway refuses itself: as the header x-request-id of other answers */
  request_id?: string;
  error: {
    /** What is wrong and what to do, for people */
    message: string;
    /** The kind of error */
    type: string;
    /** The field or parameter that is wrong */
    param: string | null;
    /** The error for programs */
    code: string | null;
  };
}
/** A GPU's life, from the request to the receipt */
export interface Session {
  id: string;
  object: "session";
  status: "requested" | "launching" | "booting" | "serving" | "draining" | "ended" | "failed";
  /** Grows with every change */
  version: number;
  trigger: "page" | "message" | "schedule" | "batch" | "chats" | "crowd" | "bake" | "unknown" | null;
  /** A time, ISO 8601, UTC */
  created_at: string;
  /** A time, ISO 8601, UTC */
  launched_at: string | null;
  /** When the model answered first, ISO 8601, UTC */
  healthy_at: string | null;
  /** A time, ISO 8601, UTC */
  ended_at: string | null;
  /** Somebody has asked it to end */
  end_requested: boolean;
  /** Which of its GPUs: the first one is 0 */
  attempt: number;
  phases: {
    name: string;
    /** A time, ISO 8601, UTC */
    at: string;
    attempt: number;
  }[];
  /** What happened so far, in the order of its times: 60 at most, the first and the newest */
  events: SessionEvent[];
  instance: {
    id: string;
    type: string | null;
    availability_zone: string | null;
    lifecycle: "spot" | "on-demand" | null;
  } | null;
  /** It ends when nobody has sent anything for so long; null: as `idle` says */
  idle_seconds: number | null;
  /** Why it was bought beside another one, with the sum */
  crowd?: {
    text: string;
    numbers: {
      /** People without a slot */
      waiting: number;
      /** That were on */
      gpus: number;
      asked_per_minute: number;
      /** By them, all slots taken */
      answered_per_minute: number;
      /** For a free slot */
      wait_seconds: number;
      /** Of waiting, of all people, in its first ten minutes */
      saved_hours: number;
      /** What it costs until then */
      usd: number;
    };
  } | null;
  /** In which order its spot GPUs were asked for by type and zone, and why; null: nothing is known of them yet */
  pools?: Pools | null;
  /** How long it stays on without use, and why; null: not decided yet */
  idle: Idle | null;
  usage: {
    prompt_tokens: number;
    completion_tokens: number;
    messages: number;
  };
  spend: Spend | null;
  outcome: "ended" | "idle" | "max_life" | "spend_cap" | "interrupted" | "failed" | null;
  error: {
    code: string;
    message: string;
  } | null;
  receipt: Receipt | null;
  /** Median of earlier boots, while it is not ready */
  expected_boot_seconds: number | null;
  /** How long earlier boots took, from the request to the first answer, while it is not ready */
  boots: {
    /** Seconds: one boot in ten was faster */
    low: number;
    /** Seconds: the median */
    expected: number;
    /** Seconds: one boot in ten was slower */
    high: number;
    /** Seconds: 95 % of the boots took no longer */
    late: number;
    /** So many boots were seen */
    count: number;
  } | null;
  work?: SessionWork;
}
/** What a session came to */
export interface SessionEvent {
  state:
    | "requested"
    | "refused"
    | "launched"
    | "booting"
    | "downloading"
    | "prepared"
    | "loading"
    | "healthy"
    | "rebalance_recommended"
    | "end_requested"
    | "terminated"
    | "ended"
    | "failed"
    | "stored";
  /** A time, ISO 8601, UTC */
  at: string;
  /** Which of its GPUs: the first one is 0 */
  attempt: number;
  /** Of a launch and of a refused one: spot or on-demand */
  lifecycle: string | null;
  instance_type: string | null;
  availability_zone: string | null;
  /** The name of an error, of a refusal and of an end that failed */
  error: string | null;
  /** What one launch did not get, and why */
  refused: {
    instance_type: string;
    availability_zone: string;
    /** EC2's, empty where it refused the whole call */
    code: string;
    /** NoGpuCapacity, GpuQuotaExceeded and the like */
    error: string;
  }[];
}
export interface Pools {
  /** False: EC2's own order, by price and by how many are free */
  learned: boolean;
  text: string;
  numbers: {
    /** Of spot GPUs that were seen, older ones weigh less */
    hours: number;
    /** Of them, weighed likewise */
    interruptions: number;
    /** Of boot and use, that were reckoned with */
    seconds: number;
    first: PoolCost;
    last: PoolCost;
  };
}
export interface PoolCost {
  instance_type: string;
  availability_zone: string;
  usd_per_hour: number;
  /** Of spot GPUs that were seen there */
  hours: number;
  interruptions: number;
  /** Of an interruption before its use is over, 0 to 1 */
  chance: number;
  /** What one is expected to cost there */
  usd: number;
}
/** How long a GPU stays on without use, as it was decided in its last pause */
export interface Idle {
  seconds: number;
  /** The page has a sentence for each */
  reason: "fixed" | "unused" | "pauses" | "few_known" | "bedrock_cheaper";
  /** One sentence for people */
  text: string;
  /** What was reckoned: `shorter` of `pauses` known ones were shorter, `restart_seconds` is what a start costs as seconds of a GPU that is on */
  numbers: {
    [k: string]: number | string | boolean;
  };
}
/** What the session's meter counts with, in USD */
export interface Spend {
  gpu_usd_per_hour: number | null;
  price_source: string | null;
  /** With disk and address */
  usd_per_hour: number | null;
  launches: {
    /** A time, ISO 8601, UTC */
    launched_at: string;
    gpu_usd_per_hour: number | null;
  }[];
  /** What the month had cost before it */
  month_usd: number | null;
  session_cap_usd: number | null;
  monthly_cap_usd: number | null;
  /** Percent of a cap that is used up: 80 or 100 */
  notice: number | null;
  notice_cap: "session" | "month" | null;
}
/** What an ended session has cost, in USD */
export interface Receipt {
  session_id: string;
  instance_id: string | null;
  instance_type: string | null;
  lifecycle: string | null;
  region: string;
  launches: number;
  /** A time, ISO 8601, UTC */
  launched_at: string | null;
  /** A time, ISO 8601, UTC */
  terminated_at: string | null;
  instance_seconds: number;
  instance_minutes: number;
  price_per_hour_usd: number | null;
  price_source: string | null;
  gpu_usd: number | null;
  storage_usd: number | null;
  address_usd: number | null;
  /** PostgreSQL woke up to keep the session */
  database_usd: number;
  /** What Bedrock took because no GPU could be had */
  bedrock_usd: number | null;
  bedrock_messages: number;
  prompt_tokens: number;
  completion_tokens: number;
  messages: number;
  /** Of the machines' time, until they answered; null in older receipts */
  boot_seconds: number | null;
  /** The machines were ready, and nobody asked; null: not known */
  idle_seconds: number | null;
  /** What that part of the machines' time cost: it is in the total */
  idle_usd: number | null;
  /** What the same tokens would have cost on Bedrock; null: not known */
  if_bedrock_usd: number | null;
  /** What a g6.xlarge that is never switched off costs a day */
  always_on_day_usd: number | null;
  total_usd: number | null;
}
/** What waits for an answer or is being answered, in counts */
export interface SessionWork {
  object: "session.work";
  session_id: string;
  /** Live sessions beside this one, which work at the same queues */
  other_sessions: number;
  /** Messages without an answer */
  messages: {
    yours: number;
    of_others: number;
  };
  batches: {
    /** Null of somebody else's, but for admins */
    id: string | null;
    owner: "you" | "somebody_else" | "schedule";
    lines: number;
    /** Lines without an answer */
    lines_left: number;
    /** Whether it goes on elsewhere when you end the session */
    goes_on: boolean;
  }[];
}
export interface SessionList {
  object: "list";
  data: Session[];
  has_more: boolean;
}
export interface Conversation {
  id: string;
  object: "conversation";
  title: string;
  /** What the model is told before the conversation begins */
  system: string;
  /** A time, ISO 8601, UTC */
  created_at: string;
  /** A time, ISO 8601, UTC */
  updated_at: string;
  /** Who answers where a message does not say; null: as the person prefers, else the deployment */
  backend?: "auto" | "gpu" | "bedrock" | null;
  /** Its person wants it at the top of the list */
  pinned: boolean;
  /** Where a message does not say; null: the model's own */
  temperature?: number | null;
  /** The longest answer, in tokens, where a message does not say; null: an ordinary one */
  max_tokens?: number | null;
  /** Whether its next answers know what its person wants remembered */
  memories: boolean;
  /** Whether its next answers are given passages of its person's documents that fit */
  documents: boolean;
  match?: Match;
  /** When it is deleted if nobody writes in it before; null: it is kept */
  expires_at: string | null;
}
/** Only of a search: where the words stand */
export interface Match {
  /** The title in parts; null: it does not have the words */
  title: TextPart[] | null;
  /** The newest message with all the words; null: none is known */
  message: {
    id: string;
    role: "user" | "assistant";
    /** It is in an earlier version of the conversation alone */
    earlier: boolean;
    snippet: TextPart[];
  } | null;
}
export interface TextPart {
  text: string;
  /** It is one of the words that were looked for */
  marked: boolean;
}
export interface ConversationList {
  object: "list";
  data: Conversation[];
  has_more: boolean;
  /** Only of a search: where it could look */
  searched?: "titles" | "titles_and_texts";
  /** Only of a search: why titles alone were searched */
  why?: "no_database" | "database_waking" | "database_unavailable" | null;
  /** Only of a search: when texts can be searched, where the database wakes */
  retry_after_seconds?: number | null;
}
export interface ImportedConversation {
  object: "conversation.imported";
  /** The conversation's, the same each time */
  id: string;
  /** So many exchanges are new */
  taken: number;
  /** So many were there already */
  known: number;
}
/** A system prompt of the caller's library */
export interface Prompt {
  id: string;
  object: "prompt";
  name: string;
  /** What the model is told before a conversation */
  text: string;
  /** A time, ISO 8601, UTC */
  created_at: string;
  /** A time, ISO 8601, UTC */
  updated_at: string;
}
/** What the caller wants remembered in all their conversations */
export interface Memory {
  id: string;
  object: "memory";
  text: string;
  /** Whether questions may take it along */
  enabled: boolean;
  /** Each question takes it along: it is switched on and fits the budget */
  in_use: boolean;
  /** What it takes of a question, by estimate */
  tokens: number;
  /** The conversation that it came from; null: from none, or from one that is deleted */
  conversation: {
    id: string;
    title: string;
  } | null;
  /** A time, ISO 8601, UTC */
  created_at: string;
  /** A time, ISO 8601, UTC */
  updated_at: string;
}
export interface Document {
  id: string;
  object: "document";
  filename: string;
  bytes: number;
  /** uploaded: announced, and perhaps there; reading: its bytes have arrived; ready: questions find it */
  status: "uploaded" | "reading" | "ready" | "failed";
  /** Of a PDF; else 0 */
  pages: number;
  /** Parts that can be found */
  chunks: number;
  /** Of its text */
  characters: number;
  /** That embedding it has taken */
  tokens: number;
  /** What embedding it has cost */
  cost_usd: number;
  /** A time, ISO 8601, UTC */
  created_at: string;
  /** Why it failed */
  error: {
    code: string;
    message: string;
  } | null;
  /** It was read with its headings: of Markdown, of Word's styles, of a PDF's outline. Those read before 2026-12 have none */
  has_headings: boolean;
  /** Only where one document is asked for: in order. What stands at a place stands under the last one that begins before it */
  headings?: {
    /** The first character of the document's text that stands under it */
    start: number;
    /** One line; 120 characters at most. Empty: from here on under none */
    text: string;
  }[];
  /** Only of a new one: where its bytes are to be put */
  upload?: {
    method: "PUT";
    url: string;
    headers: {
      [k: string]: string;
    };
    expires_at: number;
  };
}
export interface DocumentList {
  object: "list";
  data: Document[];
  has_more: false;
  /** Whether documents are on in this deployment */
  enabled: boolean;
  /** The most that sources take of a question */
  budget_tokens: number;
  most_documents: number;
  most_bytes: number;
}
export interface PassageList {
  object: "list";
  data: {
    object: "passage";
    document_id: string;
    filename: string;
    /** Which part of its document it is, from 0 */
    number: number;
    text: string;
    /** From 1; 0 where there are none */
    page: number;
    /** That it stands under; empty: none */
    heading: string;
    /** Its first character in the document's text */
    start: number;
    end: number;
    /** The cosine of what both mean */
    similarity: number;
    /** It has words of the question */
    by_words: boolean;
  }[];
  has_more: false;
  why: "database_waking" | "database_unavailable" | "embedding_unavailable" | null;
}
export interface DocumentText {
  object: "document.text";
  document_id: string;
  filename: string;
  before: string;
  text: string;
  after: string;
  start: number;
  end: number;
  characters: number;
}
export interface MemoryList {
  object: "list";
  data: Memory[];
  has_more: false;
  /** The most that memories take of a question */
  budget_tokens: number;
  /** What they take of each question now, by estimate */
  used_tokens: number;
}
export interface PromptList {
  object: "list";
  data: Prompt[];
  has_more: boolean;
}
/** A key without its text, which nobody can look up */
export interface ApiKey {
  id: string;
  object: "api_key";
  name: string;
  /** How the key ends */
  last_four: string;
  /** A time, ISO 8601, UTC */
  created_at: string;
  /** A time, ISO 8601, UTC, to the hour */
  last_used_at: string | null;
  /** A time, ISO 8601, UTC; null: it does not expire */
  expires_at: string | null;
  /** Whether further keys can be made with it */
  can_create_keys: boolean;
}
export interface NewApiKey {
  id: string;
  object: "api_key";
  name: string;
  /** How the key ends */
  last_four: string;
  /** A time, ISO 8601, UTC */
  created_at: string;
  /** A time, ISO 8601, UTC, to the hour */
  last_used_at: string | null;
  /** A time, ISO 8601, UTC; null: it does not expire */
  expires_at: string | null;
  /** Whether further keys can be made with it */
  can_create_keys: boolean;
  /** The key, shown this once */
  key: string;
}
export interface Erasure {
  /** Of the receipt */
  id: string;
  object: "erasure";
  status: "in_progress" | "erased";
  requested_at: string;
  /** What goes */
  erases: string[];
  /** What no deletion reaches, and goes by itself */
  kept: {
    where: string;
    what: string;
    /** After so many at the latest */
    days: number;
  }[];
}
export interface Export {
  id: string;
  object: "export";
  status: "running" | "ready" | "failed";
  created_at: string;
  /** Then the file is gone */
  expires_at: string;
  /** When it is ready */
  bytes?: number;
  /** Where it can be fetched for an hour, when it is ready */
  url?: string;
}
export interface RevokedApiKey {
  id: string;
  object: "api_key.deleted";
  deleted: true;
  /** How long it may still open the API */
  effective_within_seconds: number;
}
export interface Ticket {
  object: "ticket";
  ticket: string;
  /** Seconds */
  expires_in: number;
  /** Of the WebSocket that it opens: connect with ?ticket= and the ticket */
  url: string;
}
export interface ApiKeyList {
  object: "list";
  data: ApiKey[];
  has_more: boolean;
}
/** A question, or an answer, whose text may still be coming */
export interface Message {
  id: string;
  object: "message";
  conversation_id: string;
  role: "user" | "assistant";
  content: string;
  status: "accepted" | "queued" | "answering" | "answered" | "failed";
  /** A time, ISO 8601, UTC */
  created_at: string;
  /** What a question shows; GET /files/{file_id} has the address where each can be looked at */
  images?: {
    file_id: string;
    type: "png" | "jpeg" | "gif" | "webp";
    width: number;
    height: number;
    /** What our own container read in it, and all that whoever answers knows of it; left out where the image itself is seen. Empty: it found none */
    text?: string;
  }[];
  /** The question's id */
  in_reply_to?: string;
  /** The question whose place this one took: name it as `version` to see that version */
  replaces?: string;
  /** Of a question that took another one's place: which one it is of those that stood there */
  version?: number;
  /** A time, ISO 8601, UTC */
  answered_at?: string;
  session_id?: string;
  usage?: {
    prompt_tokens: number;
    completion_tokens: number;
  };
  /** stop, length, or stopped: its reader stopped it */
  finish_reason?: string;
  /** Somebody stops it just now */
  stop_requested?: true;
  /** bedrock: no GPU of ours wrote it */
  backend?: "gpu" | "bedrock";
  choice?: Choice;
  /** The backend that could not answer it; told once in a conversation */
  moved_from?: "gpu" | "bedrock";
  /** Nobody here wrote it: it came with an import */
  imported_from?: "foreverus" | "chatgpt";
  /** So many earlier messages, at least, did not fit the context and were not sent */
  trimmed_messages?: number;
  /** So many of the person's memories were given to the model with the question */
  memories?: number;
  /** Of an answer: the passages of its person's documents that it was given; null: nobody looked for any */
  sources?: Sources | null;
  /** US$ that Bedrock took for it, broken calls too; not there where a GPU wrote it (its session's receipt has the cost), or where nobody knows the price */
  cost_usd?: number;
  error?: {
    code: string;
    message: string;
  };
}
/** Of an answer: why its backend was chosen */
export interface Choice {
  backend: "gpu" | "bedrock";
  /** For programs: nothing_live, gpu_is_on, as_asked, … */
  reason: string;
  /** One sentence for people */
  text: string;
  /** What was reckoned: tokens, US$, seconds to the first word and to the last on each backend */
  numbers: {
    [k: string]: number | string | boolean;
  };
}
/** What was found in its person's documents for a question */
export interface Sources {
  found: Source[];
  /** Why there is none; null: there are some */
  why: "nothing_found" | "database_waking" | "database_unavailable" | "embedding_unavailable" | null;
}
/** A passage as the prompt numbered it. GET /documents/{document_id}/text shows it, while its document is there */
export interface Source {
  /** What the answer cites it by: [1], [2] */
  number: number;
  document_id: string;
  /** 0 where the document has no pages */
  page: number;
  /** The first character of the document's text */
  start: number;
  /** The character behind the last one */
  end: number;
}
export interface MessageList {
  object: "list";
  data: Message[];
  has_more: boolean;
}
/** The caller, and what they prefer */
export interface Person {
  object: "person";
  id: string;
  /** Who answers where neither a message nor its conversation says; null: as the deployment is set */
  backend: "auto" | "gpu" | "bedrock" | null;
  /** The page's; null: as the browser says */
  language: "pt" | "en" | null;
  /** The page's; null: as the device is set */
  theme: "system" | "light" | "dark" | null;
  /** Whether the page may play one when an answer is ready and nobody looks */
  sounds: boolean;
  /** Whether the page reads answers aloud as they come */
  reads_aloud: boolean;
  /** Whether what was said to the page is sent at once, without being read first */
  sends_spoken: boolean;
  /** Whether the page may offer to remember what somebody says about themselves in a question */
  suggest_memories: boolean;
  /** The language that is spoken to the page; null: the page's own */
  hears: "pt" | "en" | "either" | null;
  /** The kind of voice that reads Portuguese; null: nova */
  voice_pt: "nova" | "onyx" | null;
  /** The kind of voice that reads English; null: nova */
  voice_en: "nova" | "onyx" | null;
  /** How fast Portuguese is read; null: 1 */
  speed_pt: 0.75 | 1 | 1.25 | 1.5 | 1.75 | null;
  /** How fast English is read; null: 1 */
  speed_en: 0.75 | 1 | 1.25 | 1.5 | 1.75 | null;
  /** As the deployment is set */
  default_backend: "auto" | "gpu" | "bedrock";
  /** Whether the deployment reads aloud and listens: /v1/audio/speech and /v1/audio/transcriptions */
  has_voice: boolean;
  /** Whether messages may show images */
  sees_images: boolean;
}
/** A question that is kept, and its answer to be */
export interface Accepted {
  message: Message;
  answer: Message;
  session: Session | null;
}
export interface Deleted {
  id: string;
  object: string;
  deleted: true;
}
/** OpenAI's file object */
export interface File {
  id: string;
  object: "file";
  bytes: number;
  /** A time in whole seconds since 1970 */
  created_at: number;
  filename: string;
  /** When it is deleted, in whole seconds since 1970; null: not before somebody does it */
  expires_at: number | null;
  purpose: "batch" | "batch_output" | "vision";
  /** Of an image, in pixels */
  width?: number;
  /** Of an image, in pixels */
  height?: number;
  /** Of an image that was asked for alone: where it can be looked at, for an hour */
  url?: string;
  status: "pending" | "processed";
  /** Where to put the bytes, until `expires_at` */
  upload?: {
    method: "PUT";
    url: string;
    headers: {
      [k: string]: string;
    };
    /** A time in whole seconds since 1970 */
    expires_at: number;
  };
}
/** OpenAI's upload object */
export interface Upload {
  id: string;
  object: "upload";
  /** Of the whole file, as its owner said */
  bytes: number;
  /** A time in whole seconds since 1970 */
  created_at: number;
  /** Until then it can be completed */
  expires_at: number;
  filename: string;
  purpose: "batch";
  status: "pending" | "completed" | "cancelled" | "expired";
  /** What it has become */
  file: File | null;
}
/** OpenAI's upload.part object */
export interface UploadPart {
  id: string;
  object: "upload.part";
  /** A time in whole seconds since 1970 */
  created_at: number;
  upload_id: string;
}
export interface FileList {
  object: "list";
  data: File[];
  has_more: boolean;
  first_id: string | null;
  last_id: string | null;
}
/** OpenAI's batch object, with `foreverus` for what is ours */
export interface Batch {
  id: string;
  object: "batch";
  endpoint: "/v1/chat/completions" | "/v1/completions";
  model: string | null;
  errors: {
    object: "list";
    data: {
      code: string;
      message: string;
      param: string | null;
      line: number | null;
    }[];
    /** How many were found */
    total: number;
  } | null;
  input_file_id: string;
  completion_window: string;
  status: "validating" | "failed" | "in_progress" | "finalizing" | "completed" | "expired" | "cancelling" | "cancelled";
  output_file_id: string | null;
  error_file_id: string | null;
  /** A time in whole seconds since 1970 */
  created_at: number;
  /** A time in whole seconds since 1970 */
  in_progress_at: number | null;
  /** A time in whole seconds since 1970 */
  expires_at: number | null;
  /** A time in whole seconds since 1970 */
  finalizing_at: number | null;
  /** A time in whole seconds since 1970 */
  completed_at: number | null;
  /** A time in whole seconds since 1970 */
  failed_at: number | null;
  /** A time in whole seconds since 1970 */
  expired_at: number | null;
  /** A time in whole seconds since 1970 */
  cancelling_at: number | null;
  /** A time in whole seconds since 1970 */
  cancelled_at: number | null;
  request_counts: {
    total: number;
    completed: number;
    failed: number;
  };
  usage: {
    input_tokens: number;
    input_tokens_details: {
      cached_tokens: number;
    };
    output_tokens: number;
    output_tokens_details: {
      reasoning_tokens: number;
    };
    total_tokens: number;
  };
  metadata: {
    [k: string]: string;
  } | null;
  foreverus: {
    trigger: "api" | "schedule" | "unknown" | null;
    backend: string | null;
    round: number | null;
    choice_text: string | null;
    /** The arithmetic of the newest plan */
    choice: {
      [k: string]: number | string | boolean | null;
    } | null;
    cost_usd: number | null;
    prompt_tokens: number;
    completion_tokens: number;
    tokens_per_second: number | null;
    eta_seconds: number | null;
    sessions: string[];
  };
}
export interface BatchList {
  object: "list";
  data: Batch[];
  has_more: boolean;
  first_id: string | null;
  last_id: string | null;
}
/** The meter, in USD */
export interface Usage {
  object: "usage";
  /** The first day, UTC */
  from: string;
  /** The last day, with it */
  to: string;
  group_by: ("day" | "backend" | "person" | "kind")[];
  /** What everybody has used */
  team: UsageReport;
  /** What you have used */
  own: UsageReport;
  /** What `if_…` is reckoned with */
  assumptions: Assumption[];
  month: string;
  /** By sessions that are closed */
  spent_usd: number;
  live_usd: number;
  total_usd: number;
  /** What is under way can still cost so much, with what it has cost and is not counted yet */
  reserved_usd: number;
  /** Neither spent nor reserved of the month's cap */
  left_usd: number;
  /** What the whole month will have cost by its end at the present pace, in USD */
  forecast: {
    low: number;
    /** total_usd + usd_per_day × days_left */
    expected: number;
    high: number;
    /** The pace */
    usd_per_day: number;
    /** Of the month, with the rest of today */
    days_left: number;
    /** The first day that the pace is from, UTC */
    from: string;
    /** The last one, with it */
    to: string;
    /** So many whole days are known: 14 at most */
    days: number;
    /** False: fewer than three are known, so it is a guess */
    enough: boolean;
    /** The day on which the month's cap is reached, null: not in this month */
    passes_cap_on: string | null;
    /** The sum in words */
    text: string;
  };
  /** Of the month's sessions that are over: their GPUs were ready, and nobody asked */
  idle: {
    seconds: number;
    /** It is in the sessions' cost */
    usd: number;
    /** Of so many it is known: not of a machine that was lost */
    sessions: number;
  };
  reservations: {
    kind: "session" | "batch" | "chat" | "other";
    usd: number;
    /** A time, ISO 8601, UTC */
    since: string;
    /** When it is over at the latest */
    until: string;
  }[];
  live: {
    session_id: string;
    usd: number;
    usd_per_hour: number;
    price_source: string;
  }[];
  caps: {
    monthly_usd: number;
    session_usd: number;
  };
  /** Items: Where GPUs were to be had, and where not */
  capacity: {
    /** How our spot GPUs fared there; what is two weeks old counts half */
    spot: {
      launches: number;
      hours: number;
      interruptions: number;
    };
    instance_type: string;
    availability_zone: string;
    /** A time, ISO 8601, UTC */
    bought_at: string | null;
    bought_lifecycle: string | null;
    /** A time, ISO 8601, UTC */
    refused_at: string | null;
    refused_lifecycle: string | null;
    refused_code: string | null;
  }[];
}
export interface UsageReport {
  totals: UsageSum;
  /** The same by what `group_by` names, in the order of these names; none where it names nothing */
  groups: UsageSum[];
}
/** Counted with each answer that is saved, on the day on which it was */
export interface UsageSum {
  day?: string;
  backend?: "gpu" | "bedrock" | "sagemaker" | "polly" | "transcribe" | "container";
  /** A person's id; `others`: all but you together, for whoever is no admin; `schedule`; `erased`: those who have left */
  person?: string;
  kind?: "chat" | "batch" | "api";
  /** Answers, those in errors too; of a batch its lines */
  messages: number;
  prompt_tokens: number;
  completion_tokens: number;
  /** What Bedrock, Polly and Transcribe took. What GPUs cost is in `spent_usd` and in their sessions */
  usd: number;
  /** What the same tokens would have cost on a GPU that is busy all the time; null: its price is not known */
  if_gpu_usd: number | null;
  /** What they would have cost on Bedrock, likewise */
  if_bedrock_usd: number | null;
  /** What a GPU that is never switched off would have cost in these hours */
  if_always_on_usd: number | null;
}
/** A figure that something was reckoned with, and where it is from */
export interface Assumption {
  name: string;
  low: number;
  expected: number;
  high: number;
  unit: "US$ an hour" | "US$ a million tokens" | "US$" | "seconds" | "tokens" | "tokens a second" | "GPUs";
  source: string;
}
export interface Quote {
  object: "quote";
  kind: "session" | "chat" | "batch";
  /** A time, ISO 8601, UTC */
  created_at: string;
  /** How much was reckoned with */
  work: {
    seconds_of_use?: Range;
    messages?: Range;
    lines?: Range;
    prompt_tokens?: Range;
    completion_tokens?: Range;
  };
  /** The GPU, then Bedrock */
  backends: BackendQuote[];
  auto: {
    /** Which one `auto` would take; null: neither just now, `text` says why */
    backend: "gpu" | "bedrock" | null;
    reason: string;
    text: string;
  };
  assumptions: Assumption[];
  month: {
    /** Neither spent nor reserved */
    left_usd: number;
    monthly_cap_usd: number;
  };
}
/** What is expected, and between what it lies */
export interface Range {
  low: number;
  expected: number;
  high: number;
}
export interface BackendQuote {
  backend: "gpu" | "bedrock";
  /** What the ledger would say; null: the price is not known, or there is none for this */
  usd: Range | null;
  /** Until the last word, without what people take to read; of a session, of its GPU's life */
  seconds: Range | null;
  /** Until the first word; of a session, until its GPU is ready */
  first_word_seconds: Range | null;
  /** Of a chat: what AWS takes for requests, functions, writes and frames, which no ledger counts */
  beside_usd: Range | null;
  /** Why it cannot be had for this; null: it can */
  why_not: string | null;
}
export interface Model {
  id: string;
  object: "model";
  created: number;
  owned_by: string;
  /** Tokens of prompt and answer together */
  context_window: number;
  /** Who may answer under this name */
  backends: {
    backend: "gpu" | "bedrock" | "sagemaker";
    /** `off`: a request that names the GPU or SageMaker is told when to come again */
    state: "ready" | "full" | "booting" | "off";
    /** null: unknown, or paid by the hour */
    usd_per_million_prompt_tokens: number | null;
    usd_per_million_completion_tokens: number | null;
    price_source: string;
  }[];
}
export interface ModelList {
  object: "list";
  data: Model[];
}
export interface TokenUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}
export interface ChatAnswer {
  id: string;
  object: "chat.completion";
  created: number;
  /** With the backend that answered: `…@bedrock` */
  model: string;
  choices: {
    index: 0;
    message: {
      role: "assistant";
      content: string | null;
      refusal: null;
      tool_calls?: {}[];
    };
    logprobs: {} | null;
    finish_reason: "stop" | "length" | "tool_calls";
  }[];
  usage: TokenUsage;
  system_fingerprint: null;
}
export interface TextAnswer {
  id: string;
  object: "text_completion";
  created: number;
  model: string;
  choices: {
    index: 0;
    text: string;
    logprobs: {} | null;
    finish_reason: "stop" | "length";
  }[];
  usage: TokenUsage;
  system_fingerprint: null;
}
/** What is said. As `text` it is that alone; `language` and `duration` (seconds) are of `verbose_json` */
export interface Transcription {
  text: string;
  task?: "transcribe";
  language?: string;
  duration?: number;
  usage?: {
    type: "duration";
    /** That are paid */
    seconds: number;
  };
}
export interface OpenApiDocument {
  [k: string]: unknown;
}
export interface SessionCreate {
  /** The session ends when nobody has sent anything for this long. */
  idle_seconds?: number;
  /** Buy at the on-demand price when there is no spot capacity. */
  allow_on_demand?: boolean;
}
export interface ConversationCreate {
  title?: string;
  /** What the model is told before the conversation begins. */
  system?: string;
  /** Where a message does not say; null: the model's own. Bedrock takes 0 to 1. Must be a number from 0 to 2, or null. */
  temperature?: number | null;
  /** Whether its next answers know what you want remembered; null or absent: they do. Must be true, false or null. */
  memories?: boolean | null;
  /** Whether its next answers are given passages of your documents that fit; null or absent: they are. Must be true, false or null. */
  documents?: boolean | null;
  /** The longest answer, in tokens, where a message does not say; null: an ordinary one (1024). Must be a whole number from 1 to 32768, or null. */
  max_tokens?: number | null;
  /** Who answers where a message does not say; null or absent: as you prefer, else the deployment. Must be auto, gpu, bedrock or null. */
  backend?: "auto" | "gpu" | "bedrock" | null;
}
export interface ConversationImport {
  source: "foreverus" | "chatgpt";
  /** What the source calls the conversation. */
  source_id: string;
  title?: string;
  system?: string;
  /** Must be a time in ISO 8601. */
  created_at: string;
  /** Must be a time in ISO 8601. */
  updated_at?: string;
  /** Must be a whole number from 0 to 19,900. */
  first?: number;
  /**
   * @minItems 1
   * @maxItems 100
   */
  exchanges: {
    question: string;
    answer: string;
    /** Must be a time in ISO 8601. */
    asked_at?: string;
    /** Must be a time in ISO 8601. */
    answered_at?: string;
  }[];
}
export interface ConversationChange {
  title?: string;
  /** Whether it stands at the top of the list. Must be true or false. */
  pinned?: boolean;
  /** What the model is told before the conversation, from the next answer on; null or empty: our own. */
  system?: string | null;
  /** Where a message does not say; null: the model's own. Bedrock takes 0 to 1. Must be a number from 0 to 2, or null. */
  temperature?: number | null;
  /** Whether its next answers know what you want remembered; null: they do. Must be true, false or null. */
  memories?: boolean | null;
  /** Whether its next answers are given passages of your documents that fit; null: they are. Must be true, false or null. */
  documents?: boolean | null;
  /** The longest answer, in tokens, where a message does not say; null: an ordinary one (1024). Must be a whole number from 1 to 32768, or null. */
  max_tokens?: number | null;
  /** Who answers where a message does not say; null: as you prefer, else the deployment. Must be auto, gpu, bedrock or null. */
  backend?: "auto" | "gpu" | "bedrock" | null;
}
export interface MessageCreate {
  /** What is said; empty where there are images, which may stand alone. */
  content: string;
  /**
   * What it shows: files with purpose vision. Must be a list of at most 4 ids of images, each once, or null.
   *
   * @maxItems 4
   */
  images?: string[] | null;
  /** The longest answer, in tokens. */
  max_tokens?: number | null;
  temperature?: number | null;
  /** Who answers; null or absent: as the conversation is set, else you, else the deployment. Must be auto, gpu, bedrock or null. */
  backend?: "auto" | "gpu" | "bedrock" | null;
  /** The message whose place this one takes; it and everything that followed it become an earlier version. Must be the id of a message of this conversation, or null. */
  replaces?: string | null;
}
export interface MessageRegenerate {
  /** The longest answer, in tokens; null or absent: as it was asked before. */
  max_tokens?: number | null;
  /** Null or absent: as it was asked before. */
  temperature?: number | null;
  /** Who answers; null or absent: as the conversation is set, else you, else the deployment. Must be auto, gpu, bedrock or null. */
  backend?: "auto" | "gpu" | "bedrock" | null;
}
export interface PromptCreate {
  /** What you call it. */
  name: string;
  /** What the model is told before the conversation. */
  text: string;
}
export interface PromptChange {
  /** What you call it. */
  name?: string;
  /** What the model is told before the conversation. */
  text?: string;
}
export interface MemoryCreate {
  /** What is to be remembered, in a sentence or two. */
  text: string;
  /** Whether questions take it along; absent: yes. Must be true or false. */
  enabled?: boolean;
  /** The conversation that it came from, one of your own. Must be a conversation's id, or null. */
  conversation_id?: string | null;
}
export interface MemoryChange {
  /** What is to be remembered, in a sentence or two. */
  text?: string;
  /** Whether questions take it along. Must be true or false. */
  enabled?: boolean;
}
export interface DocumentCreate {
  /** Must be a name that ends in .txt, .md, .pdf or .docx. */
  filename: string;
  /** Must be how many bytes it has, a whole number from 1 to 10,000,000. */
  bytes: number;
}
export interface DocumentSearch {
  /** What passages are looked for. */
  question: string;
}
/** A file of at most 4,000,000 bytes, as OpenAI's clients send it */
export interface FileForm {
  file: string;
  purpose: "batch";
  "expires_after[anchor]"?: "created_at";
  "expires_after[seconds]"?: number;
}
export interface FileCreate {
  filename: string;
  purpose: "batch";
  bytes: number;
  expires_after?: {
    anchor: "created_at";
    /** Must be a whole number from 3600 (an hour) to 2592000 (30 days). */
    seconds: number;
  } | null;
}
export interface UploadCreate {
  filename: string;
  purpose: "batch";
  /** Of the whole file. */
  bytes: number;
  /** Whatever it is: the file is read as JSONL. */
  mime_type?: string | null;
  expires_after?: {
    anchor: "created_at";
    /** Must be a whole number from 3600 (an hour) to 2592000 (30 days). */
    seconds: number;
  } | null;
}
/** At most 4,194,304 bytes of the file */
export interface PartForm {
  data: string;
}
export interface UploadComplete {
  /**
   * The parts' ids, in the order in which they make the file.
   *
   * @minItems 1
   * @maxItems 1000
   */
  part_ids: string[];
  /** Must be the 32 hexadecimal digits of the MD5 sum of the whole file. */
  md5?: string | null;
}
export interface BatchCreate {
  /** Must be a file's id, or s3://<data bucket>/inputs/…. */
  input_file_id: string;
  endpoint: "/v1/chat/completions" | "/v1/completions";
  /** Must be '24h', or minutes or hours from '10m' to '168h'. */
  completion_window: string;
  metadata?: {
    backend?: "auto" | "gpu" | "bedrock";
    allow_on_demand?: "true" | "false";
    [k: string]: string | "auto" | "gpu" | "bedrock" | "true" | "false" | undefined;
  } | null;
  output_expires_after?: {
    anchor: "created_at";
    /** Must be a whole number from 3600 (an hour) to 2592000 (30 days). */
    seconds: number;
  } | null;
}
export interface KeyCreate {
  /** What the key is for, so that its owner knows it again. */
  name: string;
  /** Must be a time with its zone, as in '2027-01-31T00:00:00Z', or null for a key that does not expire. */
  expires_at?: string | null;
  /** Whether further keys can be made with this one. */
  can_create_keys?: boolean;
}
export interface AccountChange {
  /** Who answers where neither a message nor its conversation says; null: as the deployment is set. Must be auto, gpu, bedrock or null. */
  backend?: "auto" | "gpu" | "bedrock" | null;
  /** The page's language; null: as the browser says. Must be pt, en or null. */
  language?: "pt" | "en" | null;
  /** The page's theme; null: as the device is set. Must be system, light, dark or null. */
  theme?: "system" | "light" | "dark" | null;
  /** Whether the page may play a sound when an answer is ready and nobody looks; null: no. Must be true, false or null. */
  sounds?: true | false | null;
  /** Whether the page reads answers aloud as they come; null: no. Must be true, false or null. */
  reads_aloud?: true | false | null;
  /** Whether what was said to the page is sent at once, without being read first; null: no. Must be true, false or null. */
  sends_spoken?: true | false | null;
  /** Whether the page may offer to remember what somebody says about themselves in a question; null: no. Must be true, false or null. */
  suggest_memories?: true | false | null;
  /** The language that is spoken to the page; either: whichever it is; null: the page's own. Must be pt, en, either or null. */
  hears?: "pt" | "en" | "either" | null;
  /** The kind of voice that reads Portuguese, by OpenAI's names; null: nova. Must be nova, onyx or null. */
  voice_pt?: "nova" | "onyx" | null;
  /** The kind of voice that reads English, by OpenAI's names; null: nova. Must be nova, onyx or null. */
  voice_en?: "nova" | "onyx" | null;
  /** How fast Portuguese is read; 1 and null: as a person reads. Must be 0.75, 1, 1.25, 1.5, 1.75 or null. */
  speed_pt?: 0.75 | 1 | 1.25 | 1.5 | 1.75 | null;
  /** How fast English is read; 1 and null: as a person reads. Must be 0.75, 1, 1.25, 1.5, 1.75 or null. */
  speed_en?: 0.75 | 1 | 1.25 | 1.5 | 1.75 | null;
}
export interface AccountDelete {
  /** That everything of yours is to be deleted, for good. Must be 'delete everything', word for word: it cannot be undone. */
  confirm: "delete everything";
}
export interface QuoteCreate {
  kind: "session" | "chat" | "batch";
  /** Of a session: how long it is used, from when its GPU is ready. 0: nobody uses it. */
  minutes?: number;
  /** Of a session: it ends when nobody has sent anything for this long. */
  idle_seconds?: number;
  /** Of a session or a batch: buy at the on-demand price when there is no spot capacity. */
  allow_on_demand?: boolean;
  /** Of a chat: what is asked. */
  prompt?: string;
  /** Of a chat: of each question, in place of `prompt`. Of a batch: of each line, with `lines`. */
  prompt_tokens?: number;
  /** Of a chat or a batch: how long each answer is expected to be. Left out: an ordinary one. */
  answer_tokens?: number;
  /** Of a chat: how many questions of that length, one after the other. Left out: one. */
  messages?: number;
  /** Of a chat: how many images each question shows. Left out: none. */
  images?: number;
  /** Of a batch: its input. Must be a file's id, or s3://<data bucket>/inputs/…. */
  file_id?: string;
  /** Of a batch: how many, in place of `file_id`. */
  lines?: number;
  /** Of a batch's file. Left out: /v1/chat/completions. */
  endpoint?: "/v1/chat/completions" | "/v1/completions";
  /** Of a batch. Left out: 24h. Must be '24h', or minutes or hours from '10m' to '168h'. */
  completion_window?: string;
}
/** Must be a JSON object. */
export interface Speech {
  /** Must be the name of a model that reads aloud. */
  model: string;
  /** Must be a text of 1 to 4096 characters. */
  input: string;
  /** Must be the name of a voice. */
  voice: string;
  /** Must be one of 'mp3', 'opus', 'wav' and 'pcm', which are all that are made here. */
  response_format?: "mp3" | "opus" | "wav" | "pcm" | null;
  /** Must be a number from 0.25 to 2. */
  speed?: number | null;
  /** Must be 'pt-BR' or 'en-US'. */
  language?: "pt-BR" | "en-US" | null;
  /** Must be 'audio', the only one that there is here. */
  stream_format?: "audio" | null;
  /** Must be empty: voices here take no instructions. */
  instructions?: string | null;
}
/** A recording of at most 4,000,000 bytes and ten minutes, as OpenAI's clients send it */
export interface TranscriptionForm {
  file: string;
  model: string;
  language?: "pt" | "en" | "pt-BR" | "en-US";
  response_format?: "json" | "text" | "verbose_json";
  prompt?: string;
  temperature?: string;
}
