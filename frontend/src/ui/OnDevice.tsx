/** What this device keeps of one's conversations. */
import { keepOnDevice } from "../actions/history";
import { t } from "../i18n";
import { keepHere } from "../state";

export function OnDevice() {
  return (
    <section class="my-data" aria-labelledby="on-device">
      <h3 id="on-device">{t("device.title")}</h3>
      <label class="check">
        <input
          type="checkbox"
          aria-describedby="on-device-hint"
          checked={keepHere.value}
          onChange={(event) => void keepOnDevice(event.currentTarget.checked).catch(() => undefined)}
        />
        {t("device.keep")}
      </label>
      <p id="on-device-hint" class="hint">
        {t("device.hint")}
      </p>
    </section>
  );
}
