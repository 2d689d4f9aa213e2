/** The page as a whole: what stands there before, around and instead of its parts. */
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import { t } from "../src/i18n";
import * as state from "../src/state";
import { App } from "../src/ui/App";
import { later } from "../src/ui/Later";
import { Wait } from "../src/ui/Wait";
import { conversation } from "../test/made";
import { NOW, pressing, QUOTE, quoted, silent, type Stories, type Story } from "./kit";

const PAGE = {
  ...{ auth: silent, sessions: silent, chats: silent, conversations: silent, batches: silent, draft: silent, keys: silent },
  ...{ myData: silent, usage: silent, quotes: quoted(QUOTE), api: silent, apiUrl: "https://api.example/v1" },
} as never;

function whole(set: () => void, more: Partial<Story> & { page?: null } = {}): Story {
  const { page = PAGE, ...rest } = more;
  return {
    set,
    show: () => (
      <div class="whole">
        <App page={page} />
      </div>
    ),
    ...rest,
  };
}

const inside = (more: () => void = () => undefined) => () => {
  state.stage.value = "in";
  state.person.value = { id: "ana", name: "ana@example.org" };
  state.connection.value = "open";
  state.sessionsKnown.value = true;
  state.conversations.value = [conversation({ title: "The sky" }), conversation({ id: "con_2", title: "Syntax" })];
  state.olderConversations.value = null;
  more();
};
const area = (name: typeof state.area.value) => whole(inside(() => (state.area.value = name)));
const late = (more: () => void) => inside(() => (more(), (state.heardAt.value = NOW - 60_000)));

const Sent: ComponentType<object> = () => <p>{t("chat.send")}</p>;

/** Two of one part: its code comes when the second has just been drawn, and the browser has not painted yet. */
function Twice() {
  const [come, Part] = useMemo(() => {
    let come = () => undefined as void;
    const code = new Promise<void>((done) => (come = done));
    return [come, later<object>(() => code.then(() => ({ default: Sent })))] as const;
  }, []);
  const two = useSignal(false);
  useEffect(() => void (two.value = true), []); // behind the first one's effects
  useLayoutEffect(() => void (two.value && come()), [two.value]);
  return (
    <>
      <Part />
      {two.value && <Part />}
    </>
  );
}

export const WHOLE: Stories = {
  "page: loading": whole(() => (state.stage.value = "loading"), { page: null }),
  "page: broken": whole(() => ((state.stage.value = "broken"), (state.broken.value = "HTTP 503")), { page: null }),
  "page: signed out": whole(() => (state.stage.value = "out")),
  "page: left without a line": whole(() => (state.stage.value = "left")),
  "page: chats": whole(inside()),
  "page: batches": area("batches"),
  "page: documents": area("docs"),
  "page: usage": area("usage"),
  "page: keys": area("keys"),
  "page: preferences": area("prefs"),
  "page: notices": whole(
    inside(() => {
      state.expired.value = true;
      state.notices.value = [
        { id: 1, text: t("error.no_connection"), trace: { id: "req_1", status: 503, code: "no_connection" } },
        { id: 2, text: t("chat.deleted", { title: "The sky" }), undo: () => undefined },
      ];
    }),
  ),
  "page: an error's details": whole(
    inside(() => (state.notices.value = [{ id: 1, text: t("error.no_connection"), trace: { id: "req_1", status: 503, code: "no_connection" } }])),
    { does: pressing(".trace summary") },
  ),
  "page: the list is open": whole(inside(() => (state.sideOpen.value = true))),
  "page: the GPU's details are open": whole(inside(() => (state.gpuOpen.value = true))),
  "line: nothing comes": whole(late(() => undefined)),
  "line: connecting again": whole(late(() => (state.connection.value = "waiting"))),
  "line: no network": whole(late(() => (state.online.value = false))),
  "line: nobody answers": whole(late(() => (state.answered.value = false))),
  "wait: its code comes as it is drawn": { show: () => <Twice /> },
  "wait: on its way": { show: () => <Wait name="usage" /> },
  "wait: it could not be had": { set: () => (state.unfetched.value = new Map([["usage", () => undefined]])), show: () => <Wait name="usage" /> },
};
