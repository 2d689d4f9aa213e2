/** A person's documents: sent, seen while they are read, tried with a question, deleted. */
import { computed, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { createWatch } from "../actions/batchWatch";
import { DOCUMENTS, documentActions, type DocumentActions } from "../actions/documents";
import type { Api } from "../api";
import { documents, leavingDocuments, uploads } from "../documents";
import { known, language, t } from "../i18n";
import { someAreRead } from "../logic/documents";
import { bytes, number, smallUsd } from "../logic/format";
import type { Document, DocumentList } from "../types";
import { useNoStrayDrop } from "./BatchDrop";
import { DocumentDrop } from "./DocumentDrop";
import { DocumentSearch } from "./DocumentSearch";
import { Told } from "./Said";
import { Wait } from "./Wait";
import { ToPlace } from "./Words";
import "../batches.css";
import "../documents.css";

const isRead = computed(() => someAreRead(documents.value));

/** While something is being read and somebody looks. */
function useWatch(actions: DocumentActions, stale: (is: boolean) => void): void {
  useEffect(() => {
    void actions.refresh();
    const watch = createWatch(async () => (await actions.look(), true), stale);
    const follow = () => watch.want(isRead.value && !document.hidden ? DOCUMENTS : null);
    const off = isRead.subscribe(follow);
    const back = () => {
      if (!document.hidden) void actions.refresh();
      follow();
    };
    document.addEventListener("visibilitychange", back);
    return () => {
      off();
      document.removeEventListener("visibilitychange", back);
      watch.want(null);
    };
  }, [actions]);
}

/** What else there is to say of one: why it failed, or what it waits for. */
function more(one: Document): string {
  if (one.status === "failed") return known("error", one.error?.code) ?? one.error?.message ?? "";
  return one.status === "ready" ? "" : t(`docs.${one.status}.what`);
}

function Row({ one, actions }: { one: Document; actions: DocumentActions }) {
  const name = one.filename;
  const figures = [
    bytes(one.bytes, language.value),
    one.pages > 0 && t(one.pages === 1 ? "docs.page" : "docs.pages", { n: number(one.pages, language.value) }),
    one.cost_usd > 0 && t("docs.cost", { usd: smallUsd(one.cost_usd, language.value) }),
  ];
  const said = more(one);
  return (
    <li class="key-row document" aria-busy={one.status === "reading"}>
      <div class="key-head">
        <strong class="key-name">{name}</strong>
        <span class={`tag document-${one.status}`}>{t(`docs.status.${one.status}`)}</span>
      </div>
      <p class="hint">{figures.filter(Boolean).join(" · ")}</p>
      {said && <p class={one.status === "failed" ? "trouble" : "hint"}>{said}</p>}
      <div class="document-does">
        {one.status === "ready" && (
          <ToPlace to={{ document_id: one.id, start: 0, end: 0, page: 0 }} aria-label={t("docs.open", { name })}>
            {t("docs.open.do")}
          </ToPlace>
        )}
        <button type="button" class="quiet" aria-label={t("docs.delete", { name })} onClick={() => actions.remove(one)}>
          {t("docs.delete.do")}
        </button>
      </div>
    </li>
  );
}

/** What they take of each question, and what that costs where somebody knows. */
function Budget({ list, actions }: { list: DocumentList; actions: DocumentActions }) {
  const price = useSignal<number | null>(null);
  useEffect(() => void actions.promptPrice().then((found) => (price.value = found), () => undefined), [actions]);
  const usd = price.value && smallUsd((list.budget_tokens / 1e6) * price.value, language.value);
  return (
    <p class="hint">
      {t("docs.budget", { n: number(list.budget_tokens, language.value) })}
      {usd && ` ${t("docs.budget.price", { usd })}`}
    </p>
  );
}

function Here({ list, actions }: { list: DocumentList; actions: DocumentActions }) {
  const kept = list.data.filter((one) => !leavingDocuments.value.has(one.id));
  const shown = kept.filter(({ id }) => !uploads.value.some((one) => one.id === id)); // it stands there as an upload
  const taken = kept.reduce((sum, one) => sum + one.bytes, 0);
  const used = t("docs.used", {
    n: number(kept.length, language.value),
    most: number(list.most_documents, language.value),
    bytes: bytes(taken, language.value),
    mostBytes: bytes(list.most_bytes, language.value),
  });
  return (
    <>
      {list.enabled ? (
        <DocumentDrop actions={actions} />
      ) : (
        <div class="verdict document-off">
          <p>{t("docs.off")}</p>
          {shown.length > 0 && <p>{t("docs.off.left")}</p>}
        </div>
      )}
      <section class="my-data" aria-labelledby="docs-list">
        <h3 id="docs-list">{t("docs.list")}</h3>
        {shown.length > 0 ? (
          <ul class="key-list">
            {shown.map((one) => (
              <Row key={one.id} one={one} actions={actions} />
            ))}
          </ul>
        ) : (
          list.enabled && <p class="hint">{t("docs.none")}</p>
        )}
        {(list.enabled || shown.length > 0) && <Told class="hint" text={used} />}
        {list.enabled && <Budget list={list} actions={actions} />}
      </section>
      {list.enabled && shown.some(({ status }) => status === "ready") && <DocumentSearch actions={actions} />}
    </>
  );
}

export default function Documents({ api }: { api: Api }) {
  useNoStrayDrop();
  const actions = useMemo(() => documentActions(api), [api]);
  const stale = useSignal(false);
  useWatch(actions, (is) => (stale.value = is));
  const list = documents.value;
  return (
    <section class="batch documents" data-home="docs" aria-labelledby="docs">
      <div class="chat-head">
        <h2 id="docs" tabIndex={-1}>
          {t("docs.title")}
        </h2>
      </div>
      <div class="batch-body">
        <p class="hint">{t("docs.what")}</p>
        {stale.value && <Told class="stale" text={t("docs.stale")} />}
        {list ? <Here list={list} actions={actions} /> : <Wait name={DOCUMENTS} />}
      </div>
    </section>
  );
}
