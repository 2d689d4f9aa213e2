import { defineConfig, type Plugin } from "vite";
import { budget } from "./budget.ts";
import { lineSchemas } from "./lineSchemas.ts";
import { serviceWorker } from "./serviceWorker.ts";

/**
 * The page's Content-Security-Policy. Where the API, the WebSocket and Cognito live is known only when /config.json
 * is read, so this policy allows connections by scheme (TLS, or this machine) and src/csp.ts narrows them to exactly
 * the configured origins before the first token exists. Only built pages carry it: the dev server injects styles.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:", // what somebody is to send, and what they have sent
  "connect-src 'self' https: wss: http://localhost:* http://127.0.0.1:* ws://localhost:* ws://127.0.0.1:*",
  "base-uri 'none'",
  "form-action 'none'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "require-trusted-types-for 'script'", // text can never become markup or script,
  "trusted-types foreverus-service-worker", // but the name of one file (src/shell.ts)
].join("; ");

function contentSecurityPolicy(): Plugin {
  return {
    name: "content-security-policy",
    apply: "build",
    transformIndexHtml: () => [
      { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" },
    ],
  };
}

/**
 * public/early.js is what need not wait for the page's own code: a file, because the policy lets no script stand in the
 * page's text, and sent as it is written, so what it does is told here. It sets the theme that was chosen here, before
 * anything is painted; asks for the first words by the rule of src/i18n.ts; and for the configuration (src/config.ts tells
 * what goes wrong with it). The build tells it where each language's first words are: they come beside the code.
 */
function earlyWords(): Plugin {
  return {
    name: "early-words",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        const files = Object.values(bundle ?? {}).flatMap((file) => {
          const [, language] = (file.type === "chunk" && file.facadeModuleId?.match(/\/i18n\/(en|pt)\.ts$/)) || [];
          return language ? [`data-${language}="/${file.fileName}"`] : [];
        });
        if (files.length !== 2) throw new Error("the first words of two languages were to be found");
        return html.replace('src="/early.js"', `src="/early.js" ${files.sort().join(" ")}`);
      },
    },
  };
}

export default defineConfig({
  plugins: [contentSecurityPolicy(), earlyWords(), lineSchemas(), budget(), serviceWorker()],
  build: { target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0, reportCompressedSize: false },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: { testTimeout: 120_000, include: ["test/**/*.test.ts"], setupFiles: ["test/words.ts"] },
} as Parameters<typeof defineConfig>[0]);
