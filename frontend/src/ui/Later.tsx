/** A part of the page that few open: its code comes when it is opened, and stays. */
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { notify } from "../actions/notices";
import { t } from "../i18n";

export function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  let part: ComponentType<P> | undefined;
  return function Later(props: P) {
    const come = useSignal(part !== undefined);
    useEffect(() => {
      if (part) return;
      load().then((module) => {
        part = module.default;
        come.value = true;
      }, () => notify(t("app.newer"))); // its file is gone: a newer page was deployed, or there is no line
    }, []);
    const Part = come.value ? part : undefined;
    return Part ? <Part {...props} /> : <p class="hint">{t("app.loading")}</p>;
  };
}
