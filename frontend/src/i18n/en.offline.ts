import type { ptOffline } from "./pt.offline";

export const enOffline: Record<keyof typeof ptOffline, string> = {
  "chat.coming": "Waiting for the line",
  "chat.unfetched": "This conversation could not be fetched.",
  "chat.kept": "As it stood on this device at {time}. What is newer comes when the line is back.",
  "app.unfetched": "This could not be fetched just now.",
  "app.again": "Fetch it again",
  "auth.unsent": "{n} messages are not sent yet. Signing out deletes them.",
  "auth.unsent.one": "One message is not sent yet. Signing out deletes it.",
  "auth.left": "You are signed out on this device, and nothing of yours is left on it. There is no connection just now: leave this page open, and the sign-out is finished as soon as there is one.",
  "auth.out.sure": "Sign out all the same",
  "auth.out.stay": "Stay",
};
