/** How long a random test goes on. */

/** Beyond its time, on a machine that is too busy for enough to happen within it. Milliseconds. */
const overtimeMs = 40_000;

/** Says whether a story goes on: for its time, and longer until enough has happened, at most 40 seconds. */
export function storyTime(seconds: number, isEnough: () => boolean): () => boolean {
  const endMs = performance.now() + seconds * 1000;
  return () => {
    const nowMs = performance.now();
    return nowMs < endMs || (nowMs < endMs + overtimeMs && !isEnough());
  };
}
