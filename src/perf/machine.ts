/** Where a report was measured. */
import { arch, cpus, loadavg, release, totalmem } from "node:os";
import type { PerfReport } from "./report.ts";

export function machineFacts(): PerfReport["machine"] {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? arch(),
    cores: all.length,
    memoryBytes: totalmem(),
    kernel: release(),
    loadAverage: loadavg()[0] ?? 0,
  };
}
