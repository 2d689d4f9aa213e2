import { t } from "../i18n";
import type { BackendChoice } from "../types";

const BACKENDS: readonly BackendChoice[] = ["auto", "gpu", "bedrock"];

/** What answers may be asked of, in a select. */
export function BackendOptions() {
  return BACKENDS.map((name) => (
    <option key={name} value={name}>
      {t(`chat.backend.${name}`)}
    </option>
  ));
}
