/** What a batch's input file holds at most: docs/batches.md, "A line". */
export const MOST_LINES = 50_000;
export const MOST_BYTES = 200_000_000;
