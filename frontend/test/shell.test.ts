import { expect, it } from "vitest";
import { shellOf } from "../serviceWorker";
import { answerFor, type Answer, type Asked, type Shell } from "../src/logic/shell";

const HERE = "https://page.example";
const SHELL: Shell = { version: "1", entry: "assets/index-1.js", files: ["/index.html", "/assets/index-1.js", "/icon-192.png"] };

it.each<[string, Partial<Asked>, Answer]>([
  ["/", { navigates: true }, "page"],
  ["/index.html", { navigates: true }, "page"],
  ["/?code=c&state=s", { navigates: true }, "page"],
  ["/oauth2/authorize?x=1", { navigates: true }, "none"],
  ["/logout", { navigates: true }, "none"],
  ["/config.json", {}, "config"],
  ["/config.json?a=1", {}, "none"],
  ["/assets/index-1.js", {}, "file"],
  ["/assets/index-2.js", {}, "none"], // of another version
  ["/icon-192.png", {}, "file"],
  ["/index.html", {}, "none"], // as a file: only who goes there gets the page
  ["/assets/index-1.js", { method: "POST" }, "none"],
  ["/v1/conversations", {}, "none"],
  ["/sw.js", {}, "none"],
  ["https://api.example/config.json", {}, "none"],
  ["https://api.example/", { navigates: true }, "none"],
  ["http://page.example/assets/index-1.js", {}, "none"], // another scheme is another origin
])("answers %s %o: %s", (address, more, answer) => {
  const url = new URL(address, HERE).href;
  expect(answerFor({ method: "GET", url, navigates: false, ...more }, HERE, SHELL)).toBe(answer);
});

it("has a version that changes with any file, and with nothing else", () => {
  const files = { "index.html": "<html>", "assets/a.js": "a()", "icon.png": new Uint8Array([1, 2]) };
  const { version, files: listed, entry } = shellOf(files, "assets/a.js");
  expect([listed, entry]).toEqual([["/assets/a.js", "/icon.png", "/index.html"], "assets/a.js"]);
  expect(shellOf({ "icon.png": files["icon.png"], "assets/a.js": "a()", "index.html": "<html>" }, "assets/a.js").version).toBe(version);
  for (const [name, text] of [["index.html", "<html lang>"], ["assets/a.js", "b()"], ["assets/b.js", "a()"]] as const) {
    expect(shellOf({ ...files, [name]: text }, "assets/a.js").version).not.toBe(version);
  }
});
