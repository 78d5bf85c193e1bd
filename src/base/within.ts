/** Waits for something, but not for ever. */

/** True when `promise` settled within the time; its result and its error are somebody else's. Leaves no timer behind. */
export async function settlesWithin(
  promise: Promise<unknown>,
  timeoutMs: number,
): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, timeoutMs, false);
  try {
    return await Promise.race([promise.then(isTrue, isTrue), late]);
  } finally {
    clearTimeout(timer);
  }
}

function isTrue(): boolean {
  return true;
}
