/** What a person prefers: kept in this browser for the next load, and on the server for their other devices. */
import { effect, untracked } from "@preact/signals";
import type { Api } from "../api";
import { choose, language, LANGUAGE, LANGUAGE_CHANGED } from "../i18n";
import { me, sounds, theme, type Theme } from "../personal";
import { finished, preferredBackend, seesImages } from "../state";
import type { BackendChoice, Me, MeChange } from "../types";
import { report } from "./notices";
import { play } from "./sound";
import { had, missed } from "./unfetched";

const THEME = "foreverus.theme"; // public/early.js reads it before anything is painted
const PAPER = { light: "#f7f6f3", dark: "#14161a" }; // style.css, --paper

function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // A full or forbidden store: it holds as long as the page is open.
  }
}

function wear(next: Theme): void {
  theme.value = next;
  document.documentElement.dataset.theme = next;
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    meta.content = PAPER[next === "system" ? (meta.media.includes("dark") ? "dark" : "light") : next];
  }
  keep(THEME, next === "system" ? null : next);
}

function got(now: Me): void {
  me.value = now;
  wear(now.theme ?? "system");
  sounds.value = now.sounds;
  seesImages.value = now.sees_images;
  preferredBackend.value = now.backend ?? now.default_backend;
}

/** The page takes no switch back: it sets it. */
type Held = Partial<Pick<Me, keyof MeChange>>;
const held = (wish: MeChange) => wish as Held;

/** Changes that were asked for: only the newest one's answer counts, and none that was on its way before it. */
let newest = 0;

export function preferenceActions(api: Api) {
  /** It holds at once; where the server does not take it, what was before holds again. */
  async function change(wish: MeChange): Promise<void> {
    const before = me.value;
    const mine = ++newest;
    if (before) got({ ...before, ...held(wish) });
    try {
      const now = await api.changeMe(wish);
      if (mine === newest) got(now);
    } catch (error) {
      if (before && mine === newest) got(before);
      report(error);
    }
  }

  /** What was chosen where nobody was signed in, or could not be sent, is sent; else what the server knows holds. */
  async function tongue(): Promise<void> {
    const chosen = localStorage.getItem(LANGUAGE_CHANGED);
    if (chosen === "pt" || chosen === "en") {
      try {
        me.value = await api.changeMe({ language: chosen });
        if (localStorage.getItem(LANGUAGE_CHANGED) === chosen) keep(LANGUAGE_CHANGED, null);
      } catch {
        // The next load tries again.
      }
    } else if (me.value?.language && me.value.language !== language.value) {
      keep(LANGUAGE, me.value.language);
      await choose(me.value.language, false);
    }
  }

  /** Asks once, and from then on sends each language that is chosen. */
  async function follow(): Promise<void> {
    theme.value = (localStorage.getItem(THEME) as Theme | null) ?? "system";
    const before = newest;
    try {
      const found = await api.me();
      if (before === newest) got(found);
      had("me");
    } catch {
      return missed("me", () => void follow()); // until then what this browser knows holds
    }
    await tongue();
    let [first, heard] = [true, finished.value];
    effect(() => {
      void language.value;
      if (!first) untracked(() => void tongue());
      first = false;
    });
    effect(() => {
      const over = finished.value;
      if (over !== heard && document.hidden && sounds.peek()) play();
      heard = over;
    });
  }

  return {
    follow,
    change,

    setTheme(next: Theme): Promise<void> {
      wear(next);
      return change({ theme: next });
    },
    setBackend: (next: BackendChoice | null) => change({ backend: next }),
    setSounds(on: boolean): Promise<void> {
      if (on) play(); // so that they know it, and the browser that they want it
      return change({ sounds: on });
    },
  };
}

export type PreferenceActions = ReturnType<typeof preferenceActions>;
