/** A part of the page that few open: its code comes when it is opened, and stays. */
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { ApiError } from "../api";
import { fetching } from "../actions/unfetched";
import { allWords } from "../i18n";
import { Wait } from "./Wait";

let parts = 0;

/** `silent`: nothing stands in its place until it has come. */
export function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>, silent = false): ComponentType<P> {
  let part: ComponentType<P> | undefined;
  const name = `part ${parts++}`;
  return function Later(props: P) {
    const come = useSignal(part !== undefined);
    useEffect(() => {
      come.value ||= part !== undefined; // it came after this was drawn
      if (part) return;
      void fetching(name, async () => {
        // Its file is gone where a newer page was deployed and this one was never kept whole.
        const [module] = await Promise.all([load(), allWords()]).catch(() => {
          throw new ApiError(0, "", "no_connection");
        });
        part = module.default;
        come.value = true;
      });
    }, []);
    const Part = come.value ? part : undefined;
    return Part ? <Part {...props} /> : silent ? null : <Wait name={name} missing="app.newer" />;
  };
}
