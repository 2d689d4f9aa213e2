import { ApiError, type Api } from "../api";
import { t } from "../i18n";
import { clock } from "../logic/clock";
import { REVOKED_WITHIN_S, wish, withKey, type Lifetime } from "../logic/keys";
import { creatingKey, keys, keysKnown, newKey, revokingKey } from "../state";
import { notify, report, say } from "./notices";
import { fetching } from "./unfetched";

export function keyActions(api: Api) {
  const refresh = () =>
    fetching("keys", async () => {
      keys.value = await api.keys();
      keysKnown.value = true;
    });

  return {
    refresh,

    /** Whether it was made. It is asked for once: a second try would be a second key. */
    async create(name: string, lifetime: Lifetime, canCreateKeys: boolean): Promise<boolean> {
      if (creatingKey.value) return false;
      creatingKey.value = true;
      try {
        const made = await api.createKey(wish(name, lifetime, canCreateKeys, clock.now()));
        const { key: _, ...listed } = made;
        newKey.value = made;
        keys.value = withKey(keys.value, listed);
        return true;
      } catch (error) {
        if (error instanceof ApiError && error.status === 0) notify(t("keys.lost"));
        else report(error);
        await refresh();
        return false;
      } finally {
        creatingKey.value = false;
      }
    },

    /** The key is not shown any more, and is gone from the page. */
    forget(): void {
      newKey.value = null;
    },

    async revoke(id: string): Promise<void> {
      if (revokingKey.value === id) return;
      revokingKey.value = id;
      const name = keys.value.find((key) => key.id === id)?.name ?? id;
      try {
        const done = await api.revokeKey(id);
        const n = done.effective_within_seconds ?? REVOKED_WITHIN_S;
        say(t("keys.revoked", { name, n }));
        if (newKey.value?.id === id) newKey.value = null;
        keys.value = keys.value.filter((key) => key.id !== id);
      } catch (error) {
        report(error);
        await refresh();
      } finally {
        revokingKey.value = null;
      }
    },
  };
}

export type KeyActions = ReturnType<typeof keyActions>;
