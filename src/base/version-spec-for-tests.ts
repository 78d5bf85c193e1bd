/** A complete version for tests, different only in what a test names. */
import { defaultPermissions } from "./permissions.ts";
import {
  nothingDeclared,
  resourceLimitsDefault,
  retentionOfNode,
  type VersionLimits,
  type VersionSpec,
} from "./version-spec.ts";

export type SpecChange = Partial<Omit<VersionSpec, "limits">> & { limits?: Partial<VersionLimits> };

/** Wide enough that no test meets them by chance. */
const limits: VersionLimits = {
  ...resourceLimitsDefault,
  memoryBytesMax: 512 * 1024 * 1024,
  requestTimeoutMs: 30_000,
  streamIdleMs: 60_000,
  concurrencyMax: 100,
  queueMax: 100,
  bodyBytesMax: 100 * 1024 * 1024,
  bootTimeoutMs: 20_000,
  requestsMax: 0,
};

/** `shop` v1 on `main`, which never sleeps. */
export function testSpec(change: SpecChange = {}): VersionSpec {
  return {
    app: "shop",
    number: 1,
    branch: "main",
    digest: "a".repeat(64),
    entry: "index.js",
    args: [],
    assets: null,
    ephemeral: false,
    env: {},
    healthPath: "/",
    permissions: defaultPermissions,
    sandbox: null,
    instances: { min: 1, max: 1 },
    idleFreezeMs: 0,
    idlePageMs: 0,
    idleStopMs: 0,
    standby: "keep-memory",
    declares: nothingDeclared,
    retention: retentionOfNode,
    database: null,
    migrations: null,
    runtime: null,
    buildFacts: null,
    createdAtMs: 0,
    ...change,
    limits: { ...limits, ...change.limits },
  };
}
