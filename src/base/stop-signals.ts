/** The signals that stop a node, or a broker that runs alone. */

/** A terminal that closes hangs up on what runs in it: that is a stop like the others. */
const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** Calls `stop` at the first signal that asks for it; a second one ends the process. Returns what undoes it. */
export function onSignals(stop: () => void): () => void {
  let asked = false;
  const listener = () => {
    if (asked) process.exit(130);
    asked = true;
    stop();
  };
  for (const signal of STOP_SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, listener);
  };
}
