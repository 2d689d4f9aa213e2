import { defineConfig, type Plugin } from "vite";
import { lineSchemas } from "./lineSchemas.ts";

/**
 * The page's Content-Security-Policy. Where the API, the WebSocket and Cognito live is known only when /config.json
 * is read, so this policy allows connections by scheme (TLS, or this machine) and src/csp.ts narrows them to exactly
 * the configured origins before the first token exists. Only built pages carry it: the dev server injects styles.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self' https: wss: http://localhost:* http://127.0.0.1:* ws://localhost:* ws://127.0.0.1:*",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'", // with no policy named: text can never become markup or script
  "trusted-types 'none'",
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

export default defineConfig({
  plugins: [contentSecurityPolicy(), lineSchemas()],
  build: { target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0, reportCompressedSize: false },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: { include: ["test/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
