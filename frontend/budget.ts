import { brotliCompressSync } from "node:zlib";
import type { Plugin } from "vite";

/** What a browser must have before somebody who is signed in can type, in bytes as brotli sends it: nothing else is asked
 * for before that (src/start.ts), so `make bench` sees no more come by then. */
export const FIRST_LOAD_BYTES = 75_000;

interface Script {
  fileName: string;
  code: string;
  isEntry: boolean;
  imports: readonly string[];
}

/** The entry, all that it imports, and the larger of the two languages: the files and their size. */
export function firstLoad(scripts: readonly Script[]): { files: string[]; bytes: number } {
  const byName = new Map(scripts.map((script) => [script.fileName, script]));
  const files = new Set<string>();
  const add = (name: string) => {
    const script = byName.get(name);
    if (!script || files.has(name)) return;
    files.add(name);
    script.imports.forEach(add);
  };
  for (const script of scripts) if (script.isEntry) add(script.fileName);
  const bytes = (name: string) => brotliCompressSync(byName.get(name)!.code).length;
  const languages = scripts.map((script) => script.fileName).filter((name) => /\/(?:en|pt)-/.test(name));
  const [words] = languages.sort((a, b) => bytes(b) - bytes(a));
  if (words) files.add(words);
  return { files: [...files], bytes: [...files].reduce((sum, name) => sum + bytes(name), 0) };
}

/** A build whose first load is too large fails: what few people need is to come when it is opened (ui/Later.tsx). */
export function budget(): Plugin {
  return {
    name: "budget",
    apply: "build",
    generateBundle(_, bundle) {
      const scripts = Object.values(bundle).filter((file) => file.type === "chunk");
      const { files, bytes } = firstLoad(scripts);
      const said = `first load: ${(bytes / 1000).toFixed(1)} KB of script (brotli) of ${FIRST_LOAD_BYTES / 1000}, in ${files.length} files`;
      if (bytes > FIRST_LOAD_BYTES) this.error(`${said}. Load what few need with later(), or make it smaller.`);
      this.info(said);
    },
  };
}
