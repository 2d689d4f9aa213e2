import type { Config } from "./config";

/** Everything that this page may ever connect to; null when only the issuer's discovery document knows. */
export function connectSources(config: Config): string[] | null {
  if (!config.cognito.domain) return null;
  const urls = [config.api_url, config.websocket_url, config.cognito.domain];
  if (config.files_url) urls.push(config.files_url);
  return ["'self'", ...new Set(urls.map((url) => new URL(url).origin))];
}

/** A second policy can only take away: from here on the page connects to the configured origins and to nothing else. */
export function narrowConnections(config: Config): void {
  const sources = connectSources(config);
  if (!sources) return;
  const meta = document.createElement("meta");
  meta.httpEquiv = "Content-Security-Policy";
  meta.content = `connect-src ${sources.join(" ")}`;
  document.head.append(meta);
}
