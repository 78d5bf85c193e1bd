/** An example of a job: replace it with what takes too long for a request. */
import type { Job } from "../queue.ts";

/** @throws {Error} when the payload is none, or the work failed and is to be tried again */
export async function resize({ payload, attempt }: Job): Promise<void> {
  const { width } = (payload ?? {}) as { width?: unknown };
  if (typeof width !== "number" || width < 1) throw new Error("resize needs a width of 1 or more");
  console.log(`resized to ${width}, attempt ${attempt}`);
}
