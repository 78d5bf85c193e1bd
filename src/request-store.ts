/** The files of the request log: apart from what apps print, so that requests never push that out. */
import { join } from "node:path";
import type { Clock } from "./base/clock.ts";
import { requestFilesMax } from "./telemetry/limits.ts";
import { LogStore } from "./telemetry/log-store.ts";

export function openRequestStore(dataDir: string, clock: Clock): LogStore {
  return new LogStore({
    dir: join(dataDir, "requests"),
    clock,
    bounds: { filesMax: requestFilesMax },
    onFailure: (app, error) =>
      console.error(`levain: cannot write the request log of app "${app}": ${error.message}`),
  });
}
