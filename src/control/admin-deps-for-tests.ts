/**
 * A node for tests of the admin API: a store, logs and deploys that live in memory and behave. What a test needs to be
 * different it passes in.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { testEnvironments } from "../secrets/environments-for-tests.ts";
import type { LogQuery } from "../telemetry/log-reader.ts";
import type { LogRecord } from "../telemetry/log-record.ts";
import { requestRecord } from "../telemetry/request-record.ts";
import { type AdminServer, startAdminServer } from "./admin-server.ts";
import { rotateAdminToken } from "./admin-token.ts";
import type { DeployResult, NodeStatus } from "./api.ts";
import { AuditTrail } from "./audit-trail.ts";
import { databasesForTests } from "./branches-for-tests.ts";
import type { AdminDeps } from "./deps.ts";
import { testRoutes, testRuns } from "./inspection-for-tests.ts";
import { testMemory } from "./memory-for-tests.ts";
import { memoryStore, testWallMs } from "./memory-store-for-tests.ts";
import { memoryRemote } from "./remote-for-tests.ts";
import { TokenBook } from "./token-book.ts";

export interface TestNode extends AsyncDisposable {
  server: AdminServer;
  dataDir: string;
  socketPath: string;
  deps: AdminDeps;
  /** The admin token. */
  token: string;
  /** What was published, deployed, removed and reported, in order. */
  happened: string[];
  /** Over the unix socket, with the token unless `init` says something else about it. */
  request(path: string, init?: BunFetchRequestInit): Promise<Response>;
}

export { testWallMs } from "./memory-store-for-tests.ts";

export async function startTestNode(overrides: Partial<AdminDeps> = {}): Promise<TestNode> {
  const dataDir = mkdtempSync(join(tmpdir(), "levain-admin-"));
  const socketPath = join(dataDir, "admin.sock");
  const happened: string[] = [];
  const deps: AdminDeps = { ...memoryDeps(dataDir, happened), ...overrides };
  const token = rotateAdminToken(dataDir);
  const hostname = "127.0.0.1";
  const server = await startAdminServer({ dataDir, socketPath, hostname, port: 0, deps });
  return {
    server,
    token,
    dataDir,
    socketPath,
    deps,
    happened,
    request: (path, init = {}) =>
      fetch(`http://localhost${path}`, { unix: socketPath, ...withToken(token, init) }),
    async [Symbol.asyncDispose]() {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The request with the token, unless it says something about `authorization` itself. */
export function withToken(token: string, init: BunFetchRequestInit = {}): BunFetchRequestInit {
  const headers = new Headers(init.headers as Record<string, string>);
  if (!headers.has("authorization")) headers.set("authorization", `Bearer ${token}`);
  return { ...init, headers: headers.toJSON() };
}

/** @throws {Error} that says what was waited for, after five seconds. */
export async function waitUntil(claim: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!claim()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}`);
    await Bun.sleep(5);
  }
}

const noBackups: NodeStatus["backups"] = {
  to: null,
  running: null,
  nextAtMs: null,
  lastGood: null,
  lastFailure: null,
  isOverdue: false,
};

/** Two apps: `shop` with three versions and two branches, and `blog` with nothing live. */
export function memoryDeps(dataDir: string, happened: string[]): AdminDeps {
  const store = memoryStore();
  const note = (line: string) => void happened.push(`note ${line}`);
  const clock = systemClock;
  const remote = memoryRemote();
  const status = async (): Promise<NodeStatus> => ({
    pid: process.pid,
    version: "0.1.0",
    bun: Bun.version,
    dataDir,
    domain: "localhost",
    edgePort: 4000,
    adminPort: 4001,
    appsUrl: "http://<app>.localhost:4000",
    adminUrl: "http://127.0.0.1:4001",
    databases: null,
    startedAtMs: testWallMs,
    store: { kind: "embedded", state: "ready", cause: null },
    apps: (await store.apps()).length,
    instances: 1,
    instancesMax: 100,
    edges: [{ pid: process.pid, connections: 2, requests: 1234 }],
    connections: 2,
    requests: 1234,
    memoryBytes: 48 * 1024 * 1024,
    memory: testMemory,
    backups: noBackups,
    databaseAlerts: [],
    broker: null,
  });
  return {
    status,
    backups: {
      facts: () => noBackups,
      run: () => Promise.reject(new PlatformError("BACKUP_DESTINATION_MISSING", [])),
      list: () => Promise.reject(new PlatformError("BACKUP_DESTINATION_MISSING", [])),
    },
    dumps: {
      dump() {
        throw new PlatformError("DATABASE_UNKNOWN", ["of shop on main"]);
      },
      restore: () => Promise.reject(new PlatformError("DATABASE_UNKNOWN", ["of shop on main"])),
    },
    instances: () => [
      {
        app: "shop",
        version: 3,
        branches: ["main"],
        state: "warm",
        pid: 4242,
        memoryBytes: 9_500_000,
        swapBytes: 0,
        requests: 1234,
        requestsInFlight: 2,
        ageMs: 93_000,
        idleMs: 0,
        requestsHeld: 0,
        hits: 1230,
        misses: 4,
        hitRate: 1230 / 1234,
        holds: 4,
        starts: 1,
        failures: 0,
        evictions: 0,
        recycles: 0,
        refusals: {},
        answers: { "2xx": 1200, "3xx": 20, "4xx": 10, "5xx": 1, aborted: 1 },
        p50Ms: 1.9,
        p95Ms: 12.5,
        p99Ms: 48,
        cause: null,
        processes: [
          {
            id: "1f0c9a",
            pid: 4242,
            state: "warm",
            memoryBytes: 9_500_000,
            swapBytes: 0,
            requestsInFlight: 2,
            ageMs: 93_000,
            idleMs: null,
            holders: ["receipt", "", "", "", ""].map((name) => ({
              kind: "waitUntil" as const,
              name,
              ageMs: 12_000,
              isSpent: false,
            })),
            holdersOpen: 30,
          },
          {
            id: "77ab03",
            pid: 4243,
            state: "frozen",
            memoryBytes: 3_000_000,
            swapBytes: 0,
            requestsInFlight: 0,
            ageMs: 60_000,
            idleMs: 31_000,
            holders: [],
            holdersOpen: 0,
          },
        ],
      },
      {
        app: "blog",
        version: 1,
        branches: [],
        state: "failed",
        pid: null,
        memoryBytes: null,
        swapBytes: 0,
        requests: 0,
        requestsInFlight: 0,
        ageMs: null,
        idleMs: null,
        requestsHeld: 0,
        hits: 0,
        misses: 3,
        hitRate: 0,
        holds: 3,
        starts: 3,
        failures: 3,
        evictions: 0,
        recycles: 0,
        refusals: { APP_START_FAILED: 3 },
        answers: { "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 3, aborted: 0 },
        p50Ms: 30,
        p95Ms: 40,
        p99Ms: 40,
        cause: "exit 1: Error: connect ECONNREFUSED 127.0.0.1:5432 while reading the configuration",
        processes: [],
      },
    ],
    async *metrics() {
      yield "# HELP tests_total Tests.\n# TYPE tests_total counter\n";
      yield 'tests_total{app="shop"} 1\n';
    },
    hasApp: (app) => app === "shop" || app === "blog",
    hasVersion: (app, version) => app === "shop" && version <= 3,
    routesOf: testRoutes,
    runsOf: testRuns,
    store: { ...store, ...remote },
    tokens: new TokenBook({ store: remote, clock, random: randomBytes, note }),
    audit: new AuditTrail({ store: remote, clock, note }),
    domains: {
      platform: "localhost",
      challenge: () => randomBytes(16).toString("hex"),
      check: async () => ({ isVerified: false, dns: "no TXT record", http: "no address" }),
      urlOf: (host) => `http://${host}:4000`,
      isServed: (host) => host === "shop.localhost" || host === "shop.example.com",
    },
    deployer: {
      async deploy(upload, query, emit, signal, deploying) {
        emit({ type: "step", step: "unpack" });
        let bytes = 0;
        for await (const chunk of upload) bytes += chunk.byteLength;
        signal.throwIfAborted();
        deploying.assertMayDeploy(query.app ?? "shop");
        emit({ type: "step", step: "build" });
        emit({ type: "output", stream: "stdout", line: "bundled 3 modules" });
        happened.push(`deploy ${query.app} ${query.branch} ${bytes}`);
        return testDeployResult(query.app ?? "shop", query.branch);
      },
    },
    rebinder: {
      planRebind: async () => ({
        difference: { added: [], removed: [], changed: [] },
        baked: [],
        id: "0123abcd",
      }),
      async rebind({ app, version }) {
        await store.version(app, version);
        return { version, taken: null, migrations: null, warnings: [] };
      },
    },
    environments: testEnvironments(),
    rotateKey: async () => ({
      keyId: "0123abcd",
      values: 3,
      versions: 2,
      unreadable: [],
      isSettled: true,
    }),
    logs: {
      async *read(app, query = {}) {
        if (app === "shop") yield* selectRecords(query);
      },
      async *follow(app, query, signal) {
        if (app === "shop") yield* selectRecords(query);
        while (!signal.aborted) {
          yield testRecord({ message: "still here" });
          await Bun.sleep(20);
        }
        happened.push("follow ended");
      },
      async remove(app) {
        happened.push(`remove logs of ${app}`);
      },
    },
    databases: databasesForTests(happened),
    requestLogs: {
      async *read(app) {
        if (app === "shop") yield testRequest;
      },
      async *follow(app) {
        if (app === "shop") yield testRequest;
      },
    },
    artifacts: {
      path() {
        const folder = join(dataDir, "artifact");
        mkdirSync(join(folder, "files"), { recursive: true });
        writeFileSync(join(folder, "manifest.json"), '{"format":1,"entries":[]}');
        return join(folder, "files");
      },
      entries: async () => [],
    },
    async collect(isDryRun) {
      happened.push(`collect${isDryRun ? " dry" : ""}`);
      return {
        isDryRun,
        versions: [{ app: "shop", version: 1, branch: "main" }],
        artifacts: [{ digest: "1".repeat(64), bytes: 48_211 }],
        bytes: 48_211,
        runtimes: [{ name: "bun@1.3.14", bytes: 92_752_752 }],
        logs: ["stillborn"],
      };
    },
    async removeArtifacts(digests) {
      happened.push(`remove ${digests.length} artifact`);
    },
    clock,
    async publish() {
      happened.push("publish");
    },
    shutdown() {
      happened.push("shutdown");
    },
    urlOf(app, target) {
      if ("version" in target) return `http://v${target.version}--${app}.localhost:4000`;
      return `http://${target.branch === "main" ? "" : `${target.branch}--`}${app}.localhost:4000`;
    },
    note,
    report(thrown) {
      happened.push(`report ${thrown}`);
    },
  };
}

export function testDeployResult(app: string, branch: string): DeployResult {
  return {
    app,
    branch,
    version: 4,
    digest: "d".repeat(64),
    url: `http://${branch === "main" ? "" : `${branch}--`}${app}.localhost:4000`,
    versionUrl: `http://v4--${app}.localhost:4000`,
    previous: 3,
    warnings: [],
    packages: null,
    database: null,
    migrations: null,
    ms: { build: 812, boot: 95, total: 1302 },
  };
}

export function testRecord(fields: Partial<LogRecord>): LogRecord {
  return {
    time: "2026-11-21T08:00:00.000Z",
    app: "shop",
    version: 3,
    instance: "i1",
    stream: "stdout",
    requestId: null,
    event: null,
    message: "",
    ...fields,
  };
}

const testRequest = requestRecord({
  app: "shop",
  version: 3,
  instance: "i1",
  endedAtMs: Date.parse("2026-11-21T08:00:00.000Z"),
  requestId: "9f1c2ab4d07e4c55",
  method: "GET",
  target: "/cart?voucher=hush",
  status: 200,
  durationMs: 3.2,
  sentBytes: 1229,
  receivedBytes: 0,
  client: "192.0.2.7",
  code: null,
  hook: null,
  wake: { from: "frozen", ms: 1.2 },
});

function selectRecords({ version, grep = "", tail }: LogQuery): LogRecord[] {
  const records = [
    testRecord({ stream: "platform", event: "start", message: "started", fields: { pid: 4242 } }),
    testRecord({ message: "GET /cart \x1b[31mred\x1b[0m \x1b]0;title\x07" }),
    testRecord({ stream: "stderr", message: "Error: no stock", version: 2 }),
  ].filter(
    (record) => record.message.includes(grep) && (version ?? record.version) === record.version,
  );
  return tail === undefined ? records : records.slice(-tail);
}
