/** In the place of something that is being fetched, or that could not be: then it can be asked for again. */
import { t, type Key } from "../i18n";
import { unfetched } from "../state";
import { Told } from "./Said";

interface Props {
  /** As actions/unfetched.ts knows it. */
  name: string;
  loading?: Key;
  missing?: Key;
}

export function Wait({ name, loading = "app.loading", missing = "app.unfetched" }: Props) {
  const again = unfetched.value.get(name);
  if (!again) return <p class="hint">{t(loading)}</p>;
  return (
    <div class="hint unfetched">
      <Told text={t(missing)} />
      <button type="button" onClick={again}>
        {t("app.again")}
      </button>
    </div>
  );
}
