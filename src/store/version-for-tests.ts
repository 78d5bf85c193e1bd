/** Inputs of the store for tests: complete, and different only in what a test names. */
import type { VersionSpec } from "../base/version-spec.ts";
import { testSpec } from "../base/version-spec-for-tests.ts";
import type { CreateVersionInput } from "./versions.ts";

/** What `shop` v1 would be, changed as asked. */
export function versionInput(spec: Partial<VersionSpec> = {}): CreateVersionInput {
  const number = spec.number ?? 1;
  return {
    spec: testSpec({
      number,
      digest: digestOf(number),
      env: { GREETING: "hello" },
      idleFreezeMs: 30_000,
      idleStopMs: 600_000,
      standby: "stop-allowed",
      createdAtMs: 1_700_000_000_000 + number,
      ...spec,
    }),
    branchLabel: labelForTests,
    message: null,
    commit: null,
    artifactBytes: 1000 + number,
    provenance: { bun: "1.4.5" },
    packages: null,
  };
}

/** A digest of the right form that only this number has. */
export function digestOf(number: number): string {
  return number.toString(16).padStart(64, "0");
}

/** Like the real one where it matters here: unique, and a part of a host name. */
export function labelForTests(branch: string, taken: readonly string[]): string {
  const label = branch.toLowerCase().replaceAll("/", "-");
  return taken.includes(label) ? `${label}-${taken.length}` : label;
}
