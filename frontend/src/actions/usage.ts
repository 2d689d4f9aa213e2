import type { Api } from "../api";
import { report, usageBusy } from "../state";
import { fetching } from "./unfetched";

export function usageActions(api: Api) {
  return {
    /** The month so far, in the finest parts that the API gives. */
    async refresh(): Promise<void> {
      if (usageBusy.value) return;
      usageBusy.value = true;
      await fetching("usage", async () => {
        report.value = await api.usageReport();
      });
      usageBusy.value = false;
    },
  };
}

export type UsageActions = ReturnType<typeof usageActions>;
