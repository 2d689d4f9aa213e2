import { ApiError, type Api } from "../api";
import { t } from "../i18n";
import { deletingAccount, erasure, myExport } from "../state";
import { report } from "./notices";

/** What the server wants to be told: the same in every language. */
const CONFIRMATION = "delete everything";

/** Whether somebody has typed what they are asked for, in their own language. */
export const isMeant = (typed: string): boolean => typed.trim().toLowerCase() === t("mydata.delete.words");

const LOOK_MS = 5_000;

export function myDataActions(api: Api, wait: (ms: number) => Promise<void> = (ms) => new Promise((done) => setTimeout(done, ms))) {
  /** Asks until it is made, or the person has asked for something else. */
  async function follow(): Promise<void> {
    try {
      let found = await api.myExport();
      myExport.value = found;
      while (found.status === "running" && myExport.value?.id === found.id) {
        await wait(LOOK_MS);
        if (erasure.value) return;
        found = await api.myExport();
        myExport.value = found;
      }
    } catch (error) {
      myExport.value = null;
      report(error);
    }
  }

  return {
    /** The export that there is, or a first one. Its address is new each time. */
    follow,

    /** A new one, once a day; sooner, the one that there is. */
    async renew(): Promise<void> {
      try {
        myExport.value = await api.newExport();
      } catch (error) {
        if (!(error instanceof ApiError && error.code === "exported_just_now")) report(error);
      }
      await follow();
    },

    async deleteEverything(words: string): Promise<void> {
      if (!isMeant(words) || deletingAccount.value) return;
      deletingAccount.value = true;
      try {
        erasure.value = await api.deleteAccount(CONFIRMATION);
        myExport.value = null;
      } catch (error) {
        report(error);
      } finally {
        deletingAccount.value = false;
      }
    },
  };
}

export type MyDataActions = ReturnType<typeof myDataActions>;
