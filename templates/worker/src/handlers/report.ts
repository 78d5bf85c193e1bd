/** An example of what runs by the clock: replace it with what nobody should have to ask for. */
import type { QueueCounts } from "../queue.ts";

export async function sendReport({ done, failed, waiting }: QueueCounts): Promise<void> {
  console.log(`jobs: ${done} done, ${failed} failed, ${waiting} waiting`);
}
