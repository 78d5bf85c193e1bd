/** Apps and versions in memory, for tests of the admin API: `shop` with three versions, and `blog` with nothing live. */

import { PlatformError } from "../base/errors.ts";
import type { PackageList } from "../deploy/package-list.ts";
import { readProvenance } from "../deploy/provenance.ts";
import type { AdminStore } from "./deps.ts";
import { testRoutes } from "./inspection-for-tests.ts";
import type { MemoryRemote } from "./remote-for-tests.ts";

export const testWallMs = Date.parse("2026-11-21T08:00:00Z");

/** Everything known; of `shop` v3. */
const testProvenance = {
  ...readProvenance({}),
  levain: "0.1.0",
  bun: "1.4.5",
  builder: { platform: "linux", arch: "x64", sandbox: "strict" },
  git: { commit: "0123456789abcdef0123456789abcdef01234567", branch: "main", isDirty: true },
  deployedBy: "admin",
  template: "api",
  command: "bun run build",
  lockfile: "bun.lock",
  lockfileSha256: "b".repeat(64),
  entry: "src/index.ts",
  ms: { build: 812, boot: 95 },
  files: 2,
  largest: [{ path: "src/index.js", bytes: 144_000 }],
  packages: { production: 1, development: 1, leftOut: 0 },
  scripts: { declared: [{ name: "esbuild@0.25.0", scripts: ["postinstall"] }], ran: [] },
};

const testPackages: PackageList = {
  format: 1,
  packages: [
    {
      name: "esbuild",
      version: "0.25.0",
      license: "MIT",
      integrity: null,
      resolved: null,
      isDevelopment: true,
      isLocal: false,
      scripts: ["postinstall"],
      uses: [],
    },
    {
      name: "hono",
      version: "4.12.0",
      license: "MIT",
      integrity: `sha512-${"A".repeat(86)}==`,
      resolved: null,
      isDevelopment: false,
      isLocal: false,
      scripts: [],
      uses: [],
    },
  ],
  uses: [0, 1],
  leftOut: 0,
};

export function memoryStore(): Omit<AdminStore, keyof MemoryRemote> {
  const versionsOf = new Map([
    ["blog", [1]],
    ["shop", [3, 2, 1]],
  ]);
  const liveOf = new Map<string, Map<string, number | null>>([
    ["blog", new Map([["main", null]])],
    [
      "shop",
      new Map([
        ["cart-fix", 2],
        ["main", 3],
      ]),
    ],
  ]);
  const known = (app: string) => {
    const live = liveOf.get(app);
    if (live === undefined) throw new PlatformError("APP_UNKNOWN", [app]);
    return live;
  };
  return {
    async apps() {
      return [...liveOf].map(([name, live]) => ({
        name,
        createdAtMs: testWallMs,
        versions: versionsOf.get(name)?.length ?? 0,
        branches: [...live].map(([branch, number]) => ({
          name: branch,
          label: branch,
          live: number,
        })),
      }));
    },
    async versions(app) {
      const live = [...known(app)];
      return (versionsOf.get(app) ?? []).map((number) => ({
        ...testVersion(number),
        runtime: null,
        liveOn: live.filter(([, version]) => version === number).map(([branch]) => branch),
      }));
    },
    async versionProvenance(app, version) {
      known(app);
      return version === 3 ? testProvenance : { bun: "1.4.5" };
    },
    async versionPackages(app, version) {
      known(app);
      return version === 3
        ? { version, sha256: "a".repeat(64), list: testPackages }
        : { version, sha256: null, list: null };
    },
    async version(app, number) {
      known(app);
      if (!versionsOf.get(app)?.includes(number)) {
        throw new PlatformError("VERSION_UNKNOWN", [app, `v${number}`]);
      }
      const { message, commit, bytes } = testVersion(number);
      const spec = testRoutes(app)!.versions[number]!;
      return {
        spec,
        message,
        commit,
        artifactBytes: bytes,
        provenance: {},
        environment: null,
        packagesSha256: null,
      };
    },
    async setLive({ app, branch, version }) {
      const live = known(app);
      if (!versionsOf.get(app)?.includes(version)) {
        throw new PlatformError("VERSION_UNKNOWN", [app, `v${version}`]);
      }
      const previous = live.get(branch) ?? null;
      live.set(branch, version);
      return { previous };
    },
    async rollbackTarget(app, branch) {
      const live = known(app).get(branch);
      if (live === undefined) throw new PlatformError("BRANCH_UNKNOWN", [app, branch]);
      return live === null || live === 1 ? null : live - 1;
    },
    verdicts: async () => [],
    addVerdict: async () => {},
    migrationRuns: { list: async () => [], since: async () => [] },
    async envValues() {
      return [];
    },
    async keptVersions(app) {
      const live = [...known(app)];
      return (versionsOf.get(app) ?? []).map((number) => ({
        ...testVersion(number),
        liveOn: live.filter(([, version]) => version === number).map(([branch]) => branch),
        rollbackOf: [],
        retention: null,
      }));
    },
    async removeVersions(app, numbers) {
      const live = [...known(app).values()];
      const going = numbers.filter((number) => !live.includes(number));
      const staying = (versionsOf.get(app) ?? []).filter((number) => !going.includes(number));
      versionsOf.set(app, staying);
      return { versions: going, digests: going.map((number) => String(number).repeat(64)) };
    },
    async removeBranch(app, branch) {
      if (!known(app).delete(branch)) throw new PlatformError("BRANCH_UNKNOWN", [app, branch]);
      return { versions: [2], digests: ["2".repeat(64)] };
    },
    async removeApp(app) {
      known(app);
      liveOf.delete(app);
      const versions = versionsOf.get(app)?.length ?? 0;
      versionsOf.delete(app);
      return { versions, digests: ["d".repeat(64)] };
    },
  };
}

function testVersion(number: number) {
  const isFix = number === 2;
  return {
    number,
    branch: isFix ? "cart-fix" : "main",
    digest: String(number).repeat(64),
    message: isFix ? "Fix the cart that lost its items after the second visit of the day" : null,
    commit: isFix ? "0123456789abcdef0123456789abcdef01234567" : null,
    bytes: 48_211 * number,
    createdAtMs: testWallMs,
  };
}
