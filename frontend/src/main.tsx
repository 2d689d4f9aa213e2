import { render } from "preact";
import { startLanguage } from "./i18n";
import { start } from "./start";
import { App } from "./ui/App";
import { keepFocus } from "./ui/focus";
import "./style.css";
import "./batches.css";
import "./keys.css";
import "./usage.css";

startLanguage();
const root = document.getElementById("app")!;
keepFocus(root);
render(<App page={null} />, root);
void start().then((page) => render(<App page={page} />, root));
