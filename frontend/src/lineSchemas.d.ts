/** What lineSchemas.ts makes of the server's schemas when the page is built. */
declare module "virtual:line-schemas" {
  import type { ErrorObject } from "ajv";

  interface Validator {
    (line: unknown): boolean;
    errors?: ErrorObject[] | null;
  }
  export const chatLine: Validator;
  export const completionLine: Validator;
}
