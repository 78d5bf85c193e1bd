/** Runs one plan against a broker, in a load generator that is a process of its own: client and server share no event loop. */
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { BrokerLoadPlan, BrokerLoadResult } from "./broker-plan.ts";
import { killAtExit } from "./leftovers.ts";
import { brokerDrainMs, brokerOpenTimeoutMs } from "./limits.ts";
import { generatorGraceMs } from "./load/limits.ts";

/** @throws {PlatformError} `LOAD_GENERATOR_FAILED` with what it said; `signal`'s reason */
export async function loadBroker(
  plan: BrokerLoadPlan,
  signal?: AbortSignal,
): Promise<BrokerLoadResult> {
  signal?.throwIfAborted();
  const entry = join(import.meta.dir, "broker-generator.ts");
  const child = Bun.spawn(
    [process.execPath, "--no-install", "--no-env-file", "--no-orphans", entry],
    // Whatever it says on stderr is a defect, and for a person to see.
    { stdin: new Blob([JSON.stringify(plan)]), stdout: "pipe", stderr: "inherit" },
  );
  const release = killAtExit(child);
  const kill = () => child.kill("SIGKILL");
  signal?.addEventListener("abort", kill, { once: true });
  const timeoutMs =
    plan.warmUpMs + plan.durationMs + brokerOpenTimeoutMs + brokerDrainMs + generatorGraceMs;
  const timer = setTimeout(kill, timeoutMs);
  try {
    const text = await new Response(child.stdout).text();
    await child.exited;
    signal?.throwIfAborted();
    return resultIn(text);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
    release();
  }
}

function resultIn(text: string): BrokerLoadResult {
  if (text === "") throw new PlatformError("LOAD_GENERATOR_FAILED", ["it ended without a result"]);
  const said = JSON.parse(text) as BrokerLoadResult | { failure: string };
  if ("failure" in said) throw new PlatformError("LOAD_GENERATOR_FAILED", [said.failure]);
  return said;
}
