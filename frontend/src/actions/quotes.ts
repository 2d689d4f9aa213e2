import type { Api } from "../api";
import type { Quote, QuoteWish } from "../types";

export function quoteActions(api: Api) {
  return {
    /** null: nobody could say just now. Everything works without it. */
    quote(wish: QuoteWish): Promise<Quote | null> {
      return api.quote(wish).catch(() => null);
    },
  };
}

export type QuoteActions = ReturnType<typeof quoteActions>;
