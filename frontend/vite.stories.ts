import { defineConfig } from "vite";
import { lineSchemas } from "./lineSchemas.ts";

/** The story page: every component in every state, without a cloud. It is no part of the page that is deployed. */
export default defineConfig({
  root: "stories",
  publicDir: "../public",
  plugins: [lineSchemas()],
  build: { target: "es2022", outDir: "../../.local/stories", emptyOutDir: true, reportCompressedSize: false },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
} as Parameters<typeof defineConfig>[0]);
