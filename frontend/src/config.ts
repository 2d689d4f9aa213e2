import { KEPT } from "./logic/shell";

/** /config.json, which the deployment writes beside the page. */
export interface Config {
  api_url: string;
  websocket_url: string;
  cognito: { authority: string; client_id: string; domain?: string; redirect_uri?: string };
  /** Where the data bucket's presigned addresses are: uploads and large downloads go there. */
  files_url?: string;
  /** Whether the deployment takes documents. Here and not in what is asked for later: nothing moves when it is known. */
  documents?: "on" | "off";
  region?: string;
  stack_name?: string;
  /** The site could not be asked: this is what was kept here (logic/shell.ts). */
  kept?: boolean;
}

const trimmed = (url: string) => url.replace(/\/+$/, "");

/** Cognito's hosted domain as an origin: CloudFormation knows it without its scheme. */
export function domainUrl(domain: string): string {
  return trimmed(/^https?:\/\//.test(domain) ? domain : `https://${domain}`);
}

export function parseConfig(raw: unknown): Config {
  const config = raw as Partial<Config> | null;
  const missing = [
    ["api_url", config?.api_url],
    ["websocket_url", config?.websocket_url],
    ["cognito.authority", config?.cognito?.authority],
    ["cognito.client_id", config?.cognito?.client_id],
  ].filter(([, value]) => typeof value !== "string" || value === "");
  if (missing.length) throw new Error(`config.json: ${missing.map(([name]) => name).join(", ")}`);
  const { cognito } = config as Config;
  return {
    ...(config as Config),
    api_url: trimmed(config!.api_url!),
    websocket_url: trimmed(config!.websocket_url!),
    cognito: { ...cognito, authority: trimmed(cognito.authority), domain: cognito.domain ? domainUrl(cognito.domain) : "" },
  };
}

/** As public/early.js has asked for it, before there was anything of this. */
const asked = () => (globalThis as { foreverusConfig?: Promise<Response> }).foreverusConfig;

export async function loadConfig(): Promise<Config> {
  const response = await (asked() ?? fetch("/config.json", { cache: "no-store" }));
  if (!response.ok) throw new Error(`config.json: HTTP ${response.status}`);
  return { ...parseConfig(await response.json()), kept: response.headers.has(KEPT) };
}
