/** Signing out, which takes along what is not sent: whoever has such is asked first. */
import { useSignal } from "@preact/signals";
import type { Auth } from "../auth";
import { t } from "../i18n";
import { outbox } from "../state";
import { Told } from "./Said";

export function SignOut({ auth }: { auth: Auth }) {
  const asking = useSignal(false);
  const n = outbox.value.length;
  if (!asking.value || n === 0) {
    return (
      <button type="button" id="sign-out" class="quiet" onClick={() => (n ? (asking.value = true) : void auth.signOut())}>
        {t("auth.out")}
      </button>
    );
  }
  const words = t(n === 1 ? "auth.unsent.one" : "auth.unsent", { n });
  return (
    <span class="sure" role="group" aria-label={words} data-home="sign-out">
      <Told text={words} />
      <button type="button" class="danger" ref={(button) => button?.focus()} onClick={() => void auth.signOut()}>
        {t("auth.out.sure")}
      </button>
      <button type="button" class="quiet" onClick={() => (asking.value = false)}>
        {t("auth.out.stay")}
      </button>
    </span>
  );
}
