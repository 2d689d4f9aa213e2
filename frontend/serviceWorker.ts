import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { build, type Plugin } from "vite";
import type { Shell } from "./src/logic/shell.ts";

export const WORKER = "sw.js";

/** What the service worker is to keep: all files of the page, and a version that changes with any of them. */
export function shellOf(files: Readonly<Record<string, string | Uint8Array>>, entry: string): Shell {
  const names = Object.keys(files).sort();
  const hash = createHash("sha256");
  for (const name of names) hash.update(name).update("\0").update(files[name]!).update("\0");
  return { version: hash.digest("hex").slice(0, 12), files: names.map((name) => `/${name}`), entry };
}

/** The service worker's own code, in one piece. */
async function compiled(): Promise<string> {
  const made = await build({
    configFile: false,
    logLevel: "warn",
    build: { write: false, target: "es2022", copyPublicDir: false, rolldownOptions: { input: "src/sw.ts" } },
  });
  const chunks = [made].flat().flatMap((one) => ("output" in one ? one.output : []));
  if (chunks.length !== 1 || chunks[0]!.type !== "chunk") throw new Error("the service worker must be one file");
  return chunks[0]!.code;
}

/** Makes the service worker, with the list of the page's files in it. A build of its own: no chunk is shared with the page. */
export function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    enforce: "post",
    generateBundle: {
      order: "post",
      async handler(_, bundle) {
        const files: Record<string, string | Uint8Array> = {};
        for (const [name, file] of Object.entries(bundle)) files[name] = file.type === "chunk" ? file.code : file.source;
        for (const name of readdirSync("public").filter((one) => !one.startsWith("welcome-"))) files[name] = readFileSync(`public/${name}`);
        const entry = Object.values(bundle).find((file) => file.type === "chunk" && file.isEntry);
        const code = await compiled();
        const text = JSON.stringify(JSON.stringify(shellOf(files, entry!.fileName)));
        const source = code.replace(/(["'`])__SHELL__\1/, () => text);
        if (source === code) this.error(`${WORKER} has no place for the list of files`);
        this.emitFile({ type: "asset", fileName: WORKER, source });
      },
    },
  };
}
