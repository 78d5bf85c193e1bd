/**
 * How a node in the background tells the command that started it what became of the start: one line of JSON on an
 * inherited descriptor.
 */
import { closeSync, writeSync } from "node:fs";
import type { ErrorBody } from "../base/errors.ts";
import { usageError } from "./failure.ts";

export type StartReport = { ok: true } | { ok: false; error: ErrorBody };

/**
 * @param flag number of the descriptor as text; anything but text for a node that nobody waits for.
 * @returns sends the one report; later ones are not sent. Never throws: the other end may be gone.
 */
export function reportStart(flag: string | boolean | undefined): (report: StartReport) => void {
  if (typeof flag !== "string") return () => {};
  if (!/^[3-9]$/.test(flag)) throw usageError(`--report-fd "${flag}" is no descriptor`);
  let descriptor: number | null = Number(flag);
  return (report) => {
    if (descriptor === null) return;
    try {
      writeSync(descriptor, `${JSON.stringify(report)}\n`);
      closeSync(descriptor);
    } catch {
      // Whoever waited has given up.
    }
    descriptor = null;
  };
}
