/** A conversation as a file of this machine: read page by page, with its earlier versions. */
import type { Api } from "../api";
import { t } from "../i18n";
import { fileName, JSON_END, jsonBegin, jsonOf, markdownOf, type Archived } from "../logic/archive";
import { clock } from "../logic/clock";
import { saveAs } from "../logic/download";
import { exporting, toy } from "../state";
import type { Conversation, List, Message } from "../types";
import { report } from "./notices";

export type Shape = "json" | "md";
type Asked = Pick<Api, "conversations" | "conversation" | "everyMessage">;

const exchange = (id: string) => id.slice(4);

/** All messages of a version, oldest first, from the exchange `from` on. */
async function pages(ask: (after?: string) => Promise<List<Message>>, from = ""): Promise<Message[]> {
  const found: Message[] = [];
  for (;;) {
    const page = await ask(found.at(-1)?.id);
    found.push(...page.data);
    const last = page.data.at(-1);
    if (!page.has_more || !last || exchange(last.id) < from) break;
  }
  return found.filter((one) => exchange(one.id) >= from).reverse();
}

export async function archived(api: Pick<Api, "everyMessage">, conversation: Conversation): Promise<Archived> {
  const messages = await pages((after) => api.everyMessage(conversation.id, after));
  const known = new Set(messages.map((one) => one.id));
  const earlier: Message[] = [];
  const replaced = messages.flatMap((one) => one.replaces ?? []);
  for (let id = replaced.pop(); id; id = replaced.pop()) {
    if (known.has(id)) continue;
    const version = id;
    for (const one of await pages((after) => api.everyMessage(conversation.id, after, version), exchange(version))) {
      if (known.has(one.id)) continue;
      known.add(one.id);
      earlier.push(one);
      if (one.replaces) replaced.push(one.replaces);
    }
  }
  earlier.sort((a, b) => exchange(a.id).localeCompare(exchange(b.id)) || (a.role === "user" ? -1 : 1));
  return { conversation, messages, earlier };
}

export function exportActions(api: Asked) {
  const text = (one: Archived, shape: Shape) =>
    shape === "json" ? jsonOf(one) : markdownOf(one, { user: t("chat.you"), assistant: toy.value ?? t("chat.model") }, t("chat.untitled"));

  function save(parts: readonly string[], shape: Shape, name: string): void {
    const at = new Date(clock.now()).toISOString();
    const whole = shape === "json" ? [jsonBegin(at), parts.join(",\n"), JSON_END] : [parts.join("\n\n")];
    saveAs(new Blob(whole, { type: shape === "json" ? "application/json" : "text/markdown;charset=utf-8" }), fileName(name, shape));
  }

  return {
    async one(id: string, shape: Shape): Promise<void> {
      if (exporting.value) return;
      exporting.value = { done: 0 };
      try {
        const conversation = await api.conversation(id);
        save([text(await archived(api, conversation), shape)], shape, conversation.title ?? "");
      } catch (error) {
        report(error);
      } finally {
        exporting.value = null;
      }
    },

    /** Each is read when it is its turn, so that the file alone is kept. */
    async all(shape: Shape): Promise<void> {
      if (exporting.value) return;
      exporting.value = { done: 0 };
      try {
        const parts: string[] = [];
        let after: string | undefined;
        for (let more = true; more; ) {
          const page = await api.conversations(100, after);
          for (const conversation of page.data) {
            parts.push(text(await archived(api, conversation), shape));
            exporting.value = { done: parts.length };
          }
          after = page.data.at(-1)?.id;
          more = page.has_more && after !== undefined;
        }
        save(parts, shape, t("export.file"));
      } catch (error) {
        report(error);
      } finally {
        exporting.value = null;
      }
    },
  };
}

export type ExportActions = ReturnType<typeof exportActions>;
