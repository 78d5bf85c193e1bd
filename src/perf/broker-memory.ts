/** Memory of a process with shared pages told apart: several brokers on one machine share the program's. */
import { readFileSync } from "node:fs";
import { residentMemoryBytes } from "../sandbox/process-facts.ts";
import type { BrokerMemory } from "./broker-plan.ts";

/** Null when the process is gone, or may not be looked at. */
export function processMemory(pid: number): BrokerMemory | null {
  const residentBytes = residentMemoryBytes(pid);
  if (residentBytes === null) return null;
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
    return { residentBytes, shareBytes: Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024 };
  } catch {
    return null;
  }
}
