/** Few errors are looked into: what shows how is fetched with the first one. */
import { later } from "./Later";

export const TraceView = later(() => import("./TraceView"), true);
