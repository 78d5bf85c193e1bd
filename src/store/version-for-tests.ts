/** Inputs of the store for tests: complete, and different only in what a test names. */
import { defaultPermissions } from "../base/permissions.ts";
import { resourceLimitsDefault, type VersionSpec } from "../base/version-spec.ts";
import type { CreateVersionInput } from "./versions.ts";

/** What `shop` v1 would be, changed as asked. */
export function versionInput(spec: Partial<VersionSpec> = {}): CreateVersionInput {
  const number = spec.number ?? 1;
  return {
    spec: {
      app: "shop",
      number,
      branch: "main",
      digest: digestOf(number),
      entry: "index.js",
      assets: null,
      ephemeral: false,
      env: { GREETING: "hello" },
      healthPath: "/",
      limits: {
        ...resourceLimitsDefault,
        memoryBytesMax: 256 * 1024 * 1024,
        requestTimeoutMs: 30_000,
        streamIdleMs: 60_000,
        concurrencyMax: 100,
        queueMax: 100,
        bodyBytesMax: 1024 * 1024,
        bootTimeoutMs: 10_000,
        requestsMax: 0,
      },
      permissions: defaultPermissions,
      sandbox: null,
      instances: { min: 1, max: 1 },
      idleFreezeMs: 30_000,
      idlePageMs: 0,
      idleStopMs: 600_000,
      standby: "stop-allowed",
      createdAtMs: 1_700_000_000_000 + number,
      ...spec,
    },
    branchLabel: labelForTests,
    message: null,
    commit: null,
    artifactBytes: 1000 + number,
    provenance: { bun: "1.4.5" },
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
