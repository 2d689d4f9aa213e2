import { choose, language, t } from "../i18n";
import { reading } from "../documents";
import { dismiss, explain, notify } from "../actions/notices";
import { DOING } from "../actions/places";
import type { Page } from "../start";
import { area, batchId, broken, expired, line, gpuOpen, notices, person, settingsOpen, shortcutsOpen, sideOpen, stage } from "../state";
import { Areas } from "./Areas";
import { BatchList } from "./BatchList";
import { ChatView } from "./ChatView";
import { Conversations } from "./Conversations";
import { SideToggle, useDrawers } from "./Drawers";
import { later } from "./Later";
import { PowerStrip } from "./PowerStrip";
import { SignOut } from "./SignOut";
import { Said } from "./Said";
import { TraceView } from "./Trace";

const BatchNew = later(() => import("./BatchNew"));
const BatchView = later(() => import("./BatchView"));
const Documents = later(() => import("./Documents"));
const KeysView = later(() => import("./KeysView"));
const Shortcuts = later(() => import("./Shortcuts"), true);
const Preferences = later(() => import("./Preferences"));
const Reader = later(() => import("./Reader"), true);
const SessionPanel = later(() => import("./SessionPanel"), true); // its place is not there on a narrow page
const Settings = later(() => import("./Settings"), true);
const UsageView = later(() => import("./UsageView"));

function Languages() {
  return (
    <div class="languages" role="group" aria-label={t("app.language")}>
      {(["pt", "en"] as const).map((tag) => (
        <button
          key={tag}
          type="button"
          class="quiet"
          lang={tag}
          aria-pressed={language.value === tag}
          aria-label={tag === "pt" ? "PT, Português" : "EN, English"}
          onClick={() => choose(tag).catch(() => notify(t("app.newer")))}
        >
          {tag.toUpperCase()}
        </button>
      ))}
    </div>
  );
}

function Header({ page }: { page: Page | null }) {
  return (
    <header class="top">
      {stage.value === "in" && page && <SideToggle />}
      <span class="brand">
        Forever <em>Us</em>
      </span>
      {stage.value === "in" && line.value !== "closed" && (
        <span class={`net net-${line.value}`}>
          {t(`net.${line.value}`)}
        </span>
      )}
      <span class="grow" />
      {stage.value === "in" && (
        <button
          type="button"
          class="quiet keyboard"
          aria-label={t("keyboard.title")}
          aria-haspopup="dialog"
          onClick={() => (shortcutsOpen.value = true)}
        >
          ?
        </button>
      )}
      {(page || stage.value === "broken") && <Languages />}
      {page && person.value && (
        <>
          <span class="person">{person.value.name}</span>
          <SignOut auth={page.auth} />
        </>
      )}
    </header>
  );
}

function Notices({ page }: { page: Page | null }) {
  return (
    <div class="notices" data-home={DOING[area.value]}>
      {expired.value && page && (
        <div class="notice" role="alert">
          <p>{t("auth.expired")}</p>
          <button type="button" onClick={() => void page.auth.signIn()}>
            {t("auth.in")}
          </button>
        </div>
      )}
      {notices.value.map((notice) =>
        notice.undo ? (
          <div class="notice news" role="alert" key={notice.id}>
            <p>{notice.text}</p>
            <button type="button" onClick={notice.undo}>
              {t("app.undo")}
            </button>
          </div>
        ) : (
          <div class="notice" role="alert" key={notice.id}>
            <p>{notice.text}</p>
            {notice.trace && <TraceView trace={notice.trace} />}
            <button type="button" class="quiet" aria-label={t("error.close")} onClick={() => dismiss(notice.id)}>
              ✕
            </button>
          </div>
        ),
      )}
    </div>
  );
}

function Welcome({ page }: { page: Page }) {
  return (
    <main class="welcome">
      <h1>Forever Us</h1>
      <p class="lead">{t("app.tagline")}</p>
      <p>{t("app.promise")}</p>
      <button
        type="button"
        class="primary big"
        onClick={() => page.auth.signIn().catch((error: unknown) => (broken.value = explain(error)))}
      >
        {t("auth.in")}
      </button>
      {broken.value && <p role="alert">{t("auth.failed", { reason: broken.value })}</p>}
      <picture>
        <source media="(prefers-color-scheme: dark)" srcset={`/welcome-${language.value}-dark.webp`} />
        <img class="welcome-picture" src={`/welcome-${language.value}-light.webp`} alt={t("app.picture")} width={880} height={550} />
      </picture>
    </main>
  );
}

function Skip() {
  const target = DOING[area.value];
  return (
    <a
      class="skip"
      href={`#${target}`}
      onClick={(e) => (e.preventDefault(), document.getElementById(target)?.focus())}
    >
      {t(({ chats: "app.skip", batches: "area.skip", docs: "docs.skip", usage: "usage.skip", keys: "keys.skip", prefs: "prefs.skip" } as const)[area.value])}
    </a>
  );
}

function Chats({ page }: { page: Page }) {
  return (
    <>
      <div class="side" id="side" tabIndex={-1}>
        <Areas />
        <Conversations actions={page.conversations} chats={page.chats} />
      </div>
      <main>
        <ChatView actions={page.chats} lists={page.conversations} quotes={page.quotes} />
      </main>
    </>
  );
}

function Batches({ page }: { page: Page }) {
  const id = batchId.value;
  return (
    <>
      <div class="side" id="side" tabIndex={-1}>
        <Areas />
        <BatchList actions={page.batches} />
      </div>
      <main>{id ? <BatchView id={id} actions={page.batches} draft={page.draft} /> : <BatchNew actions={page.draft} quotes={page.quotes} />}</main>
    </>
  );
}

function Keys({ page }: { page: Page }) {
  return (
    <>
      <div class="side" id="side" tabIndex={-1}>
        <Areas />
        <aside class="hint keys-lead" aria-label={t("area.keys")}>
          {t("keys.lead")}
        </aside>
      </div>
      <main>
        <KeysView actions={page.keys} base={page.apiUrl} />
      </main>
    </>
  );
}

function Docs({ page }: { page: Page }) {
  return (
    <>
      <div class="side" id="side" tabIndex={-1}>
        <Areas />
      </div>
      <main>
        <Documents api={page.api} />
      </main>
    </>
  );
}

function UsageArea({ page }: { page: Page }) {
  return (
    <>
      <div class="side" id="side" tabIndex={-1}>
        <Areas />
      </div>
      <main>
        <UsageView actions={page.usage} />
      </main>
    </>
  );
}

function Prefs({ page }: { page: Page }) {
  return (
    <>
      <div class="side" id="side" tabIndex={-1}>
        <Areas />
      </div>
      <main>
        <Preferences page={page} />
      </main>
    </>
  );
}

function Area({ page }: { page: Page }) {
  if (area.value === "keys") return <Keys page={page} />;
  if (area.value === "docs") return <Docs page={page} />;
  if (area.value === "usage") return <UsageArea page={page} />;
  if (area.value === "prefs") return <Prefs page={page} />;
  return area.value === "batches" ? <Batches page={page} /> : <Chats page={page} />;
}

export function App({ page }: { page: Page | null }) {
  const inside = stage.value === "in" && page;
  useDrawers();
  return (
    <>
      {inside && <Skip />}
      <Header page={page} />
      {inside && <PowerStrip actions={page.sessions} quotes={page.quotes} />}
      <Notices page={page} />
      {inside ? (
        <div class={`columns${sideOpen.value ? " side-open" : ""}${gpuOpen.value ? " gpu-open" : ""}`}>
          <Area page={page} />
          <SessionPanel actions={page.sessions} />
          <div class="scrim" onClick={() => (sideOpen.value = gpuOpen.value = false)} />
        </div>
      ) : stage.value === "out" && page ? (
        <Welcome page={page} />
      ) : stage.value === "broken" ? (
        <main class="welcome">
          <h1>{t("app.broken")}</h1>
          <p role="alert">{broken.value}</p>
          <button type="button" class="primary" onClick={() => location.reload()}>
            {t("app.reload")}
          </button>
        </main>
      ) : (
        <main class="welcome">
          <p role={stage.value === "left" ? "alert" : undefined}>{t(stage.value === "left" ? "auth.left" : "app.loading")}</p>
        </main>
      )}
      {inside && <Shortcuts page={page} />}
      {inside && reading.value && <Reader api={page.api} />}
      {inside && settingsOpen.value && <Settings page={page} />}
      <Said />
    </>
  );
}
