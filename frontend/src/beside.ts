/** What stands on the page where the deployment has an ability for it. Its code comes later, and puts it here. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import type { ChatActions } from "./actions/chats";
import type { Message } from "./types";

export const besideComposer = signal<ComponentType<{ actions: ChatActions }> | null>(null);
export const besideAnswer = signal<ComponentType<{ message: Message }> | null>(null);
