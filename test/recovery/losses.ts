/** Ways to lose the server connections of sessions that are idle, for tests of what a session has. */
import type { Scene } from "../../src/qualify/sql-recovery/pauses.ts";
import { PAUSES } from "../../src/qualify/sql-recovery/pauses.ts";

export const LOSSES = ["terminated", "reset", "swallowed"] as const;
export type Loss = (typeof LOSSES)[number];

/** Resolves when they are lost, as far as that can be seen. */
export async function lose(loss: Loss, scene: Scene): Promise<void> {
  const pause = PAUSES.find(({ name }) => name === loss)!;
  await pause.during?.(scene);
  // The relay asks a connection for a proof when it was silent for so long; before that it believes in it.
  if (loss === "swallowed") await Bun.sleep(doubtMs);
}

/** A little more than `doubtAfterMs` of the relay. Milliseconds. */
const doubtMs = 1100;
