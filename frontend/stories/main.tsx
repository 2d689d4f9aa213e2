/** Shows one story, or a list of all: `#answer: failed`. `window.story(name)` is how tests turn the pages. */
import { Signal } from "@preact/signals";
import { render } from "preact";
import { choose, language, startLanguage } from "../src/i18n";
import * as state from "../src/state";
import { NOW, STORIES } from "./stories";
import "../src/style.css";
import "../src/batches.css";
import "../src/keys.css";
import "../src/usage.css";
import "./stories.css";

const root = document.getElementById("app")!;
const isWritten = (one: unknown): one is Signal => one instanceof Signal && Object.getPrototypeOf(one) === Signal.prototype;
const first = new Map(Object.values(state).filter(isWritten).map((one) => [one, one.peek()]));

function show(name: string): void {
  render(null, root);
  for (const [one, value] of first) one.value = value;
  state.now.value = state.heardAt.value = NOW;
  const story = STORIES[name];
  story?.set?.();
  const other = language.value === "pt" ? "en" : "pt";
  render(
    <>
      <nav class="stories">
        <button type="button" onClick={() => void choose(other).then(() => show(name))}>
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
}

const named = () => decodeURIComponent(location.hash.slice(1));
await startLanguage();
addEventListener("hashchange", () => show(named()));
show(named());
Object.assign(window, { story: show, stories: Object.keys(STORIES) });
