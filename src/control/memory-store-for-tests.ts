/** Apps and versions in memory, for tests of the admin API: `shop` with three versions, and `blog` with nothing live. */
import { PlatformError } from "../base/errors.ts";
import type { AdminStore } from "./deps.ts";
import type { MemoryRemote } from "./remote-for-tests.ts";

export const testWallMs = Date.parse("2026-11-21T08:00:00Z");

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
        liveOn: live.filter(([, version]) => version === number).map(([branch]) => branch),
      }));
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
    async deleteApp(app) {
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
