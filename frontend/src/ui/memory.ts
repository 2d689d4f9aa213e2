/** Of a question what can be remembered, of an answer what was: its code comes later. */
import { later } from "./Later";

export const Remembered = later(() => import("./Remembered"), true);
