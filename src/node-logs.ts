/** The logs of an app that is deleted. */
import type { Lane } from "./lane.ts";
import type { LogStore } from "./telemetry/log-store.ts";

/** How long a command waits for processes that are on their way out before it goes on without them. Milliseconds. */
const leavingWaitMs = 1000;

/** A process that ends writes a last record, which must not bring the log of a deleted app back. */
export async function removeLogs(
  app: string,
  lane: Lane,
  stores: readonly LogStore[],
): Promise<void> {
  const gone = lane.pools.gone(app);
  await Promise.race([gone, Bun.sleep(leavingWaitMs)]);
  const remove = async () => {
    lane.requestLog.forget(app);
    lane.edge.forget(app);
    await Promise.all(stores.map((store) => store.remove(app)));
  };
  await remove();
  void gone.then(() => (lane.router.table.apps[app] === undefined ? remove() : undefined));
}
