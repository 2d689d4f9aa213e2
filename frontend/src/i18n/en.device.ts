import type { ptDevice } from "./pt.device";

export const enDevice: Record<keyof typeof ptDevice, string> = {
  "device.title": "On this device",
  "device.keep": "Keep the conversations that I open, to read them without a line",
  "device.hint":
    "They stay in this browser alone, not encrypted, for 14 days at most, and go when you sign out or when somebody else signs in. On a shared computer, leave this off and sign out when you are done.",
};
