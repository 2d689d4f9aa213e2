/**
 * The service worker's rules: which of the page's own files it keeps, and what it answers. Nothing of the API, nothing of
 * another origin, no address with a question in it but the page's own.
 */
export const PREFIX = "foreverus-page-";
export const PAGE = "/index.html";
export const CONFIG = "/config.json";
/** On an answer that was kept: the site itself could not be asked. */
export const KEPT = "X-Kept";
/** What a page says to a service worker: it is the newer one, and may begin; somebody signed out, and nothing is kept. */
export const TAKE_OVER = "take over";
export const FORGET = "forget";
/** A line that takes longer than this is as good as none: what is kept is shown. */
export const PATIENCE_MS = 4_000;

/** What the build writes into the service worker. */
export interface Shell {
  version: string;
  /** Addresses of the files, the page itself among them. */
  files: readonly string[];
  /** A file that exactly this page names: another one is of another deployment. */
  entry: string;
}

export interface Asked {
  method: string;
  url: string;
  /** The browser goes there. */
  navigates: boolean;
}

/** `page` and `config`: the newest, what is kept only where that cannot be had; `file`: it never changes, so it is taken
 * from what is kept; `none`: none of the service worker's business. */
export type Answer = "page" | "config" | "file" | "none";

export function answerFor({ method, url, navigates }: Asked, origin: string, shell: Shell): Answer {
  const at = new URL(url);
  if (method !== "GET" || at.origin !== origin) return "none";
  if (navigates) return at.pathname === "/" || at.pathname === PAGE ? "page" : "none";
  if (at.search) return "none";
  if (at.pathname === CONFIG) return "config";
  return at.pathname !== PAGE && shell.files.includes(at.pathname) ? "file" : "none";
}
