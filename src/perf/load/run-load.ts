/** One load run in a process of its own, from its start to its end. */
import { LoadProcess, type RunOptions } from "./load-process.ts";
import type { LoadPlan, LoadResult } from "./plan.ts";

/**
 * Starts a generator, runs the plan, and ends the generator however the run went. Several runs in a row are cheaper with
 * one `LoadProcess`.
 *
 * @throws {PlatformError} `LOAD_GENERATOR_FAILED`
 */
export async function runLoad(plan: LoadPlan, options: RunOptions = {}): Promise<LoadResult> {
  await using generator = await LoadProcess.start();
  return await generator.run(plan, options);
}
