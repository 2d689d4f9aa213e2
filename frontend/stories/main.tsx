/** Shows one story, or a list of all: `#answer: failed`. `window.story(name)` is how tests turn the pages, and
 * `window.undrawn()` names the components that no story has shown. */
import { Signal } from "@preact/signals";
import { options, render } from "preact";
import * as results from "../src/actions/batchResults";
import * as imports from "../src/actions/imports";
import * as found from "../src/actions/textSearch";
import * as beside from "../src/beside";
import * as documents from "../src/documents";
import { allWords, choose, language, startLanguage } from "../src/i18n";
import * as personal from "../src/personal";
import * as remembered from "../src/remembered";
import * as state from "../src/state";
import * as voice from "../src/voice";
import { NOW } from "./kit";
import { STORIES } from "./stories";
import "../src/style.css";
import "../src/batches.css";
import "../src/keys.css";
import "../src/usage.css";
import "../src/find.css";
import "../src/offline.css";
import "../src/low.css";
import "../src/ears.css";
import "../src/documents.css";
import "./stories.css";

const root = document.getElementById("app")!;
const isWritten = (one: unknown): one is Signal => one instanceof Signal && Object.getPrototypeOf(one) === Signal.prototype;
const places = [state, personal, remembered, results, imports, found, voice, beside, documents];
const first = new Map(places.flatMap((one) => Object.values(one as object)).filter(isWritten).map((one) => [one, one.peek()]));

const drawn = new Set<unknown>();
const before = options.vnode;
options.vnode = (node) => {
  drawn.add(node.type);
  before?.(node);
};

/** Of each file of the page's components, those that it exports and that were not drawn yet. */
async function undrawn(): Promise<string[]> {
  const files = Object.entries(import.meta.glob<Record<string, unknown>>("../src/ui/*.{ts,tsx}"));
  const all = await Promise.all(files.map(async ([path, load]) => [path.replace("../src/ui/", ""), await load()] as const));
  const isMissing = (name: string, one: unknown) => typeof one === "function" && /^[A-Z]|^default$/.test(name) && !drawn.has(one);
  return all.flatMap(([file, its]) => Object.entries(its).filter(([name, one]) => isMissing(name, one)).map(([name]) => `${file} ${name}`));
}

const LATEST_MS = 20_000; // until a part of the page has come

/** What is there, or will be. */
async function find(selector: string): Promise<HTMLElement> {
  const until = performance.now() + LATEST_MS;
  for (;;) {
    const there = document.querySelector<HTMLElement>(`#story ${selector}`);
    if (there) return there;
    if (performance.now() > until) throw new Error(`${selector} never came`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

const NAMES = new Set(["name", "title", "filename", "email", "custom_id", "param", "text"]);
const isWords = (text: string) => /[^a-z0-9_:.@/-]/i.test(text) || text.includes("."); // others are ids, which the page compares

type Around = readonly [before: string, after: string];

/** The same value, with `around` each name in it that somebody has given. */
function marked(value: unknown, around: Around): unknown {
  const put = (name: string) => around[0] + name + around[1];
  if (Array.isArray(value)) return value.map((one) => marked(one, around));
  if (value instanceof File) return new File([value], put(value.name), { type: value.type });
  if (!value || typeof value !== "object" || ![Object.prototype, null].includes(Object.getPrototypeOf(value))) return value;
  const isName = (key: string, one: unknown): one is string => NAMES.has(key) && typeof one === "string" && isWords(one);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, isName(key, one) ? put(one) : marked(one, around)]));
}

/** `around`: what stands before and behind each name that somebody has given, of whatever kind. */
async function show(name: string, around?: Around): Promise<void> {
  render(null, root);
  for (const [one, value] of first) one.value = value;
  state.now.value = state.heardAt.value = NOW;
  const story = STORIES[name];
  story?.set?.();
  if (around) for (const one of first.keys()) one.value = marked(one.value, around);
  const other = language.value === "pt" ? "en" : "pt";
  render(
    <>
      <nav class="stories">
        <button type="button" onClick={() => void choose(other).then(() => show(name, around))}>
          {other}
        </button>
        {Object.keys(STORIES).map((one) => (
          <a key={one} href={`#${one}`} aria-current={one === name}>
            {one}
          </a>
        ))}
      </nav>
      <div class="story" id="story" key={name}>
        {story?.show()}
      </div>
    </>,
    root,
  );
  await story?.does?.(find);
}

const named = () => decodeURIComponent(location.hash.slice(1));
await startLanguage();
await allWords();
addEventListener("hashchange", () => void show(named()));
Object.assign(window, { story: show, stories: Object.keys(STORIES), undrawn });
void show(named());
