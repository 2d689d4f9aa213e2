import type { ptIdle } from "./pt.idle";

/** Why a GPU stays on for so long without use. */
export const enIdle: Record<keyof typeof ptIdle, string> = {
  "idle.pauses": "{shorter} of the last {pauses} pauses at such times were shorter; starting again costs as much as {restart} of staying on.",
  "idle.few_known": "Only few pauses at such times are known yet ({pauses}); starting again costs as much as {restart} of staying on.",
  "idle.unused": "Nobody has asked it anything yet: it waits a little longer for whoever switched it on.",
  "idle.bedrock_cheaper": "An hour like the last one costs {bedrock} on Bedrock, and this GPU costs {gpu} an hour.",
};
