/** Routes of `shop` and `blog`, and what runs of them, on a node that only tests know: as those of `memoryDeps`. */
import type { VersionSpec } from "../base/version-spec.ts";
import { databaseDefaults } from "../deploy/database-config.ts";
import type { RouteTableApp } from "../router/route-table.ts";
import { versionInput } from "../store/version-for-tests.ts";
import type { Inspection } from "./api.ts";
import type { VersionRuns } from "./deps.ts";

const routes: Record<string, RouteTableApp> = {
  shop: {
    branches: { "cart-fix": { label: "cart-fix", live: 2 }, main: { label: "main", live: 3 } },
    versions: {
      1: specOf(1),
      2: specOf(2),
      3: {
        ...specOf(3),
        env: { STRIPE_KEY: "sk_live_hush", GREETING: "hello" },
        instances: { min: 1, max: 4 },
        permissions: {
          connect: ["*:443", "db.example.com:5432"],
          listen: false,
          udp: true,
          write: ["/srv/shop/uploads"],
        },
        sandbox: "strict",
        database: databaseDefaults,
      },
    },
  },
  blog: {
    branches: { main: { label: "main", live: null } },
    versions: { 1: { ...specOf(1), app: "blog" } },
  },
};

function specOf(number: number): VersionSpec {
  const branch = number === 2 ? "cart-fix" : "main";
  return versionInput({ number, branch, digest: String(number).repeat(64) }).spec;
}

export function testRoutes(app: string): RouteTableApp | null {
  return routes[app] ?? null;
}

/** Two processes of `shop` v3: one that is held to everything, and an older one that could not be. */
export function testRuns({ app, number }: VersionSpec): VersionRuns {
  const machine = {
    landlock: 7,
    seccomp: true,
    isUserShared: false,
    defaultLevel: "strict",
    strictProblem: null,
  } as const;
  if (app !== "shop" || number !== 3) {
    return { machine, state: "stopped", cause: null, processes: [] };
  }
  const process = {
    id: "1f0c9a",
    pid: 4242,
    state: "warm",
    memoryBytes: 9_500_000,
    swapBytes: 0,
    requestsInFlight: 2,
    ageMs: 93_000,
    idleMs: null,
    holders: [],
    holdersOpen: 0,
    sandbox: testSandbox,
  } as const;
  const processes: Inspection["processes"] = [
    { ...process, holders: [] },
    {
      ...process,
      holders: [],
      id: "77ab03",
      pid: 4243,
      state: "frozen",
      requestsInFlight: 0,
      idleMs: 31_000,
      sandbox: {
        ...testSandbox,
        level: "relaxed",
        landlock: 3,
        holdsTcp: false,
        holdsSignals: false,
        uid: 1000,
        gid: 1000,
        isOwnUser: false,
        connectPorts: null,
        listen: true,
        udp: true,
        cgroup: null,
        notHeld: [
          "TCP ports: not held, this kernel has Landlock level 3",
          "signals and abstract unix sockets: not held, this kernel has Landlock level 3",
          "memory: not held by the kernel, the node looks at it and ends what takes too much",
        ],
      },
    },
  ];
  return { machine, state: "warm", cause: null, processes };
}

const testSandbox: Inspection["processes"][number]["sandbox"] = {
  level: "strict",
  landlock: 7,
  holdsTcp: true,
  holdsSignals: true,
  filter: true,
  uid: 2_000_000_017,
  gid: 2_000_000_017,
  isOwnUser: true,
  connectPorts: [443, 5432],
  listen: false,
  udp: true,
  read: ["/usr/local/bin/bun", "runner", "app"],
  write: ["home", "tmp", "io", "/srv/shop/uploads"],
  notHeld: [],
  rlimits: [
    { name: "file size", soft: 1024 ** 3, hard: 1024 ** 3, unit: "bytes" },
    { name: "core file size", soft: 0, hard: 0, unit: "bytes" },
    { name: "open files", soft: 16_384, hard: 16_384, unit: "files" },
    { name: "pending signals", soft: 96_000, hard: null, unit: "signals" },
  ],
  cgroup: { memoryBytesMax: 288 * 1024 ** 2, cpuCoresMax: null, processesMax: 512 },
};
