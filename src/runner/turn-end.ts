/**
 * Work of the runner's own at the end of a turn. The code that causes it may run in the context of one ephemeral request,
 * whose timers go with it, and an app may have replaced the global function: neither may stop the runner.
 */
import { AsyncLocalStorage } from "node:async_hooks";

const immediate = globalThis.setImmediate;
/** Calls a function outside of whatever request's code is running. */
export const asRunner = AsyncLocalStorage.snapshot();

/** Calls `run` when the events of this turn have been handled. Load this module before any code of the app's. */
export function atTurnEnd(run: () => void): NodeJS.Immediate {
  return asRunner(immediate, run);
}
