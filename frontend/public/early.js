// What and why: earlyWords() in vite.config.ts.
const words = document.currentScript.dataset;
try {
  const theme = localStorage.getItem("foreverus.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  const tags = [localStorage.getItem("foreverus.language") ?? "", ...navigator.languages].map((tag) => tag.slice(0, 2).toLowerCase());
  const href = words[tags.find((tag) => tag === "pt" || tag === "en") ?? "pt"];
  if (href) document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href }));
} catch {
  // A forbidden store: as the device is set.
}
window.foreverusConfig = fetch("/config.json", { cache: "no-store" });
window.foreverusConfig.catch(() => undefined);
