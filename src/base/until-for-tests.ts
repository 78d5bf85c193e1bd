/** Waiting for something that will become so, instead of sleeping for as long as it might take. */

/** Fails after `timeoutMs`, with the claim's source. Milliseconds. */
export async function until(
  claim: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await claim())) {
    if (performance.now() > deadlineMs) throw new Error(`This did not become so: ${claim}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
