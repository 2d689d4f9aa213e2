import type { Api } from "../api";
import { report, usageBusy } from "../state";
import { report as tell } from "./notices";

export function usageActions(api: Api) {
  return {
    /** The month so far, in the finest parts that the API gives. */
    async refresh(): Promise<void> {
      if (usageBusy.value) return;
      usageBusy.value = true;
      try {
        report.value = await api.usageReport();
      } catch (error) {
        tell(error);
      } finally {
        usageBusy.value = false;
      }
    },
  };
}

export type UsageActions = ReturnType<typeof usageActions>;
