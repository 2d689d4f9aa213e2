import { render } from "preact";
import { startLanguage } from "./i18n";
import { start } from "./start";
import { App } from "./ui/App";
import { keepFocus } from "./ui/focus";
import { makeRoomForKeyboard } from "./ui/keyboard";
import "./style.css";
import "./batches.css";
import "./keys.css";
import "./usage.css";
import "./find.css";
import "./offline.css";
import "./low.css";
import "./ears.css";
import "./print.css";

const root = document.getElementById("app")!;
const words = startLanguage(); // comes while the configuration does
const starting = start(words);
words.then(
  () => {
    keepFocus(root);
    makeRoomForKeyboard(root);
    render(<App page={null} />, root);
    void starting.then((page) => setTimeout(() => render(<App page={page} />, root))); // what it has asked for is on its way first
  },
  () => document.getElementById("no-words")!.removeAttribute("hidden"), // the line is gone: there is nothing to say it with
);
