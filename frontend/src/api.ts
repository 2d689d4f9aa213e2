/** The REST API of docs/architecture.md. */
import { clock, ticks } from "./logic/clock";
import { traceHeader } from "./logic/xray";
import type {
  ApiKey,
  BackendChoice,
  Batch,
  BatchFile,
  Conversation,
  ConversationChange,
  ConversationCreate,
  ConversationList,
  Erasure,
  Export,
  KeyWish,
  List,
  Me,
  MeChange,
  Message,
  NewApiKey,
  NewBatch,
  Posted,
  Prompt,
  PromptChange,
  PromptCreate,
  Quote,
  QuoteWish,
  RevokedApiKey,
  Session,
  SessionWork,
  Usage,
  UsageReport,
  WireError,
} from "./types";

/** `status` 0: no answer came, so nobody knows whether it was done. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
    readonly param: string | null = null,
    /** Seconds after which it works, where the server says so. */
    readonly retryAfter: number | null = null,
    /** The server says that another try soon is of no use. */
    readonly final = false,
    /** By which whoever runs the stack finds the request in the log. */
    readonly requestId: string | null = null,
  ) {
    super(message);
  }

  /** Worth another try with the same Idempotency-Key. */
  get passing(): boolean {
    if (this.final) return false;
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

export interface Tokens {
  token(): Promise<string | null>;
  renew(): Promise<string | null>;
}

interface Options {
  body?: unknown;
  key?: string;
  /** Instead of the time limit: a download takes as long as it takes. */
  signal?: AbortSignal;
  keepalive?: boolean;
}

const BATCHES_A_PAGE = 20;
/** Fills the list's place on a large screen, so that nothing more is asked for before somebody scrolls. */
export const CONVERSATIONS_A_PAGE = 50;
export const MESSAGES_A_PAGE = 50;
const TIMEOUT_MS = 30_000; // API Gateway gives up after 29 s

async function failure(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  const after = response.headers.get("Retry-After") ?? "";
  const wait = /^\d{1,9}$/.test(after) ? Number(after) : null;
  const final = response.headers.get("x-should-retry") === "false";
  // What API Gateway refuses itself has its own header alone.
  const id = response.headers.get("x-request-id") ?? response.headers.get("x-amzn-requestid");
  try {
    const body = JSON.parse(text) as { error?: WireError; message?: string; Message?: string };
    if (body.error) {
      const { message, code, param } = body.error;
      return new ApiError(response.status, message, code ?? null, param ?? null, wait, final, id);
    }
    return new ApiError(response.status, body.message ?? body.Message ?? `HTTP ${response.status}`, null, null, wait, final, id);
  } catch {
    return new ApiError(response.status, `HTTP ${response.status}`, null, null, wait, final, id);
  }
}

/** `onLine`: told of each request whether it was answered at all. */
export function createApi(
  base: string,
  tokens: Tokens,
  fetcher: typeof fetch = (...a) => fetch(...a),
  served = clock,
  onLine: (answered: boolean) => void = () => undefined,
) {
  async function once(method: string, path: string, options: Options, token: string | null): Promise<Response> {
    const headers: Record<string, string> = {};
    if (token) headers["Authorization"] = `Bearer ${token}`;
    const form = options.body instanceof FormData ? options.body : null; // the browser says of itself what it is
    if (options.body !== undefined && !form) headers["Content-Type"] = "application/json";
    if (options.key) headers["Idempotency-Key"] = options.key;
    if (method === "POST") headers["X-Amzn-Trace-Id"] = traceHeader(served.now());
    const asked = ticks();
    try {
      const response = await fetcher(base + path, {
        method,
        headers,
        cache: "no-store",
        signal: options.signal ?? AbortSignal.timeout(TIMEOUT_MS),
        ...(options.keepalive ? { keepalive: true } : {}),
        ...(options.body === undefined ? {} : { body: form ?? JSON.stringify(options.body) }),
      });
      // A redirect's answer is another server's.
      if (!response.redirected) served.heard(response.headers.get("Date"), ticks() - asked);
      onLine(true);
      return response;
    } catch (error) {
      if (!options.signal?.aborted) onLine(false); // a person may have stopped a download
      throw new ApiError(0, error instanceof Error ? error.message : String(error), "no_connection");
    }
  }

  /** A sign-in that cannot be asked for a token is as far away as the API. */
  async function asked(ask: () => Promise<string | null>): Promise<string | null> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof ApiError && error.status === 0) onLine(false);
      throw error;
    }
  }

  async function send(method: string, path: string, options: Options): Promise<Response> {
    const token = await asked(tokens.token);
    if (!token) throw new ApiError(401, "Not signed in", "signed_out");
    let response = await once(method, path, options, token);
    if (response.status === 401) {
      const renewed = await asked(tokens.renew);
      if (renewed) response = await once(method, path, options, renewed);
    }
    if (!response.ok) throw await failure(response);
    return response;
  }

  async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
    const response = await send(method, path, options);
    try {
      return (await response.json()) as T;
    } catch {
      throw new ApiError(0, "The answer was cut off", "no_connection"); // the server may well have done it
    }
  }

  /** A part of a list, behind the entry `after`. */
  const part = <T>(path: string, asked: { limit: number; order?: "desc"; after?: string | undefined; version?: string | undefined }) => {
    const query = Object.entries(asked).flatMap(([name, value]) => (value === undefined ? [] : [[name, `${value}`]]));
    return call<List<T>>("GET", `${path}?${new URLSearchParams(query)}`);
  };

  /** The whole of a list that is short: as many parts of it as there are. */
  async function all<T extends { id: string }>(path: string): Promise<T[]> {
    const found: T[] = [];
    for (;;) {
      const { data, has_more } = await part<T>(path, { limit: 100, after: found.at(-1)?.id });
      found.push(...data);
      if (!has_more || data.length === 0) return found;
    }
  }

  const of = (kind: string, id: string) => `/${kind}/${encodeURIComponent(id)}`;

  return {
    /** For what comes later, and brings its own routes. */
    call,
    /** The same, where the answer is not JSON. */
    send,
    startSession: (options: { allow_on_demand?: boolean }) => call<Session>("POST", "/sessions", { body: options }),
    sessions: async () => (await call<List<Session>>("GET", "/sessions")).data,
    session: (id: string) => call<Session>("GET", of("sessions", id)),
    endSession: (id: string) => call<Session & { work?: SessionWork }>("DELETE", of("sessions", id)),
    sessionWork: (id: string) => call<SessionWork>("GET", `${of("sessions", id)}/work`),
    usage: () => call<Usage>("GET", "/usage"),
    quote: (wish: QuoteWish) => call<Quote>("POST", "/quotes", { body: wish }),
    /** This month until now. */
    usageReport: () => call<UsageReport>("GET", "/usage?group_by=day,backend,person,kind"),
    /** Newest first. */
    conversations: (limit: number, after?: string) => part<Conversation>("/conversations", { limit, after }),
    /** Those that have the words in their title or in a message. */
    search: (words: string, after?: string) =>
      call<ConversationList>("GET", `/conversations?${new URLSearchParams({ q: words, limit: `${CONVERSATIONS_A_PAGE}`, ...(after ? { after } : {}) })}`),
    /** Taken once, however often it is sent. */
    importConversation: (one: object) => call<{ id: string; taken: number; known: number }>("POST", "/imports", { body: one }),
    conversation: (id: string) => call<Conversation>("GET", of("conversations", id)),
    createConversation: (wish: ConversationCreate, key: string) =>
      call<Conversation>("POST", "/conversations", { body: wish, key }),
    changeConversation: (id: string, change: ConversationChange) =>
      call<Conversation>("PATCH", of("conversations", id), { body: change }),
    /** Goes out even when the page is being left. */
    deleteConversation: (id: string) =>
      call<{ deleted: boolean }>("DELETE", of("conversations", id), { keepalive: true }),
    /** Newest first. */
    messages: (id: string, after?: string) =>
      part<Message>(`${of("conversations", id)}/messages`, { limit: MESSAGES_A_PAGE, order: "desc", after }),
    /** Newest first, as many as come at once; of the version in which a message was last, where one is named. */
    everyMessage: (id: string, after?: string, version?: string) =>
      part<Message>(`${of("conversations", id)}/messages`, { limit: 100, order: "desc", after, version }),
    /** Ends an answer in work: the text so far stays. */
    stop: (id: string, messageId: string) =>
      call<Message>("DELETE", `${of("conversations", id)}/messages/${encodeURIComponent(messageId)}`),
    /** A question with its answer, for good. Also while the page is being left. */
    deleteExchange: (id: string, messageId: string) =>
      call<{ deleted: boolean }>("DELETE", `${of("conversations", id)}/messages/${encodeURIComponent(messageId)}/exchange`, { keepalive: true }),
    post: (id: string, content: string, key: string, replaces?: string, images: readonly string[] = []) =>
      call<Posted>("POST", `${of("conversations", id)}/messages`, {
        body: { content, ...(replaces && { replaces }), ...(images.length > 0 && { images }) },
        key,
      }),
    uploadImage(data: Blob, name: string) {
      const form = new FormData();
      form.append("purpose", "vision");
      form.append("file", data, name);
      return call<BatchFile>("POST", "/files", { body: form, signal: AbortSignal.timeout(2 * TIMEOUT_MS) });
    },
    async image(id: string): Promise<Blob> {
      const { url } = await call<BatchFile & { url: string }>("GET", of("files", id));
      const found = await fetcher(url);
      if (!found.ok) throw await failure(found);
      return found.blob();
    },
    /** Another answer to the same question; what was there becomes an earlier version. */
    regenerate: (id: string, messageId: string, backend: BackendChoice | undefined, key: string) =>
      call<Posted>("POST", `${of("conversations", id)}/messages/${encodeURIComponent(messageId)}/regenerate`, {
        body: backend ? { backend } : {},
        key,
      }),
    models: async () => (await call<List<{ id: string; context_window?: number }>>("GET", "/models")).data,
    createFile: (filename: string, bytes: number) =>
      call<BatchFile>("POST", "/files", { body: { filename, purpose: "batch", bytes } }),
    deleteFile: (id: string) => call<{ deleted: boolean }>("DELETE", of("files", id)),
    /** The bytes, wherever they are: a large file's answer is a redirect, which the browser follows without our token. */
    content: (id: string, signal: AbortSignal) => send("GET", `${of("files", id)}/content`, { signal }),
    createBatch: (batch: NewBatch, key: string) => call<Batch>("POST", "/batches", { body: batch, key }),
    batches: (after?: string) => part<Batch>("/batches", { limit: BATCHES_A_PAGE, after }),
    batch: (id: string) => call<Batch>("GET", of("batches", id)),
    keys: () => all<ApiKey>("/keys"),
    createKey: (wish: KeyWish) => call<NewApiKey>("POST", "/keys", { body: wish }),
    prompts: () => all<Prompt>("/prompts"),
    createPrompt: (prompt: PromptCreate, key: string) => call<Prompt>("POST", "/prompts", { body: prompt, key }),
    changePrompt: (id: string, change: PromptChange) => call<Prompt>("PATCH", of("prompts", id), { body: change }),
    /** Goes out even when the page is being left. */
    deletePrompt: (id: string) => call<{ deleted: boolean }>("DELETE", of("prompts", id), { keepalive: true }),
    me: () => call<Me>("GET", "/me"),
    changeMe: (change: MeChange) => call<Me>("PATCH", "/me", { body: change }),
    myExport: () => call<Export>("GET", "/me/export"),
    newExport: () => call<Export>("POST", "/me/export"),
    deleteAccount: (confirm: string) => call<Erasure>("DELETE", "/me", { body: { confirm } }),
    revokeKey: (id: string) => call<RevokedApiKey>("DELETE", of("keys", id)),
    /** Opens one WebSocket, within half a minute. */
    createTicket: () => call<{ ticket: string }>("POST", "/tickets"),
    cancelBatch: (id: string) => call<Batch>("POST", `${of("batches", id)}/cancel`),
  };
}

export type Api = ReturnType<typeof createApi>;
