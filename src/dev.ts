/**
 * `levain dev`, put together: the request lane with one app, whose version is another one with every save. A part of the
 * composition root. No store, no admin API; nothing of it outlives it.
 */
import { chmodSync, mkdirSync, readdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemClock } from "./base/clock.ts";
import { PlatformError } from "./base/errors.ts";
import { type VersionSpec, versionName } from "./base/version-spec.ts";
import { bindError } from "./control/node-config.ts";
import { PRODUCTION_BRANCH } from "./deploy/names.ts";
import { killBuild } from "./deploy/process-tree.ts";
import type { DevOptions, DevScreen } from "./dev/dev-options.ts";
import { DevSession } from "./dev/dev-session.ts";
import { devPortDefault, portsTriedMax, supersededDrainMs } from "./dev/limits.ts";
import { DevDatabase } from "./dev-database.ts";
import { type Lane, startLane } from "./lane.ts";
import { openSandbox } from "./node-sandbox.ts";
import { sweepRunFolders } from "./pool/run-folder.ts";
import { emptyRouteTable, type RouteTable } from "./router/route-table.ts";
import { RuntimeStore } from "./runtimes/runtime-store.ts";
import { removeFolder } from "./sandbox/remove-folder.ts";

/** Processes that stand ready: a save takes one, and the next save may come before it was replaced. Count. */
const sparesMax = 2;

/** See `RunDev`. */
export async function runDev(options: DevOptions, screen: DevScreen): Promise<void> {
  const { app, hostname, signal } = options;
  await using cleanup = new AsyncDisposableStack();
  const dataDir = await openFolder(options.dataDir);
  cleanup.defer(() => removeFolder(dataDir));
  const database = new DevDatabase({
    dataDir: realpathSync(options.dataDir),
    app,
    log: { write: screen.record },
  });
  cleanup.defer(() => database.stop());
  const lane = await openLane(options, dataDir, database.port, screen);
  cleanup.defer(() => lane.stop(0));
  // What a build command has left running.
  cleanup.defer(() => killBuild(dataDir).then(() => {}));
  const { port } = lane.edge;
  const host = hostname === "127.0.0.1" || hostname === "::1" ? `${app}.localhost` : hostname;
  screen.ready({ url: `http://${host}${port === 80 ? "" : `:${port}`}`, port });

  const session = new DevSession({
    folder: realpathSync(options.folder),
    dataDir,
    app,
    watcher: screen,
    show: (spec) => show(lane, spec),
    databaseOf: (spec) => database.environmentOf(spec),
  });
  cleanup.defer(() => session.stop());
  const stopped = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => stopped.resolve(), { once: true });
  if (signal.aborted) return;
  await Promise.race([session.changed(), stopped.promise]);
  await stopped.promise;
}

/** Starts a version and gives it the app's address; the one before has a moment for what is under way. */
async function show(lane: Lane, spec: VersionSpec): Promise<void> {
  const gone = new PlatformError("VERSION_UNKNOWN", [spec.app, versionName(spec.number)]);
  const before = [...lane.pools.all()];
  try {
    if (spec.entry !== null) await lane.pools.of(spec).start();
  } catch (thrown) {
    await lane.pools.remove(spec, 0, gone);
    throw thrown;
  }
  await lane.publish(tableOf(spec));
  for (const pool of before) {
    // Those who wait for a failure to be mended wait for its end.
    const isFailure = dirname(pool.spec.digest).endsWith("/failures");
    void pool.stop(isFailure ? 0 : supersededDrainMs, gone);
  }
}

function tableOf(spec: VersionSpec): RouteTable {
  const { app, number } = spec;
  const branches = { [PRODUCTION_BRANCH]: { label: PRODUCTION_BRANCH, live: number } };
  // There is but one app, so the address may be said without its name.
  const domains = { "127.0.0.1": PRODUCTION_BRANCH };
  const versions = { [number]: spec };
  return { revision: number, apps: { [app]: { branches, versions, domains } } };
}

/** A folder for this process; what others left that are gone is removed. */
async function openFolder(dataDir: string): Promise<string> {
  const isNew = mkdirSync(dataDir, { recursive: true, mode: 0o711 }) !== undefined;
  if (isNew) chmodSync(dataDir, 0o711);
  const all = join(realpathSync(dataDir), "dev");
  const own = join(all, String(process.pid));
  for (const folder of [all, own, bundlesDirOf(own)]) {
    mkdirSync(folder, { recursive: true });
    // Apps of a root's run as other users, who pass through.
    chmodSync(folder, 0o711);
  }
  for (const name of readdirSync(all)) {
    if (isAlive(Number(name))) continue;
    await sweepRunFolders(join(all, name, "run"));
    await removeFolder(join(all, name));
  }
  return own;
}

/** Shared with a node of the same data directory, and made only once. */
function bundlesDirOf(dataDir: string): string {
  return join(dataDir, "../../runner");
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code === "EPERM";
  }
}

async function openLane(
  options: DevOptions,
  dataDir: string,
  databasePort: number,
  screen: DevScreen,
): Promise<Lane> {
  const { hostname } = options;
  const port = freePort(options);
  // What the configuration asks for is the developer's own wish, on the developer's own machine.
  const sandbox = await openSandbox(
    { dataDir, sandboxMin: "off", writeRoots: ["/"] },
    databasePort,
  );
  const log = { write: screen.record };
  try {
    return startLane({
      dataDir,
      hostname,
      port,
      domain: "localhost",
      domainApp: options.app,
      trustedProxies: [],
      sparesMax,
      bundlesDir: bundlesDirOf(dataDir),
      runtimes: new RuntimeStore({ dir: join(dataDir, "../../runtimes") }),
      instancesMax: 100,
      sandbox,
      routeTable: emptyRouteTable,
      artifactPath: (digest) => digest,
      log,
      requests: log,
      clock: systemClock,
    });
  } catch (error) {
    throw bindError(error, "--port", port);
  }
}

/** @throws {PlatformError} `PORT_IN_USE` when the one that was asked for is taken, or all that are tried */
function freePort({ port, hostname }: DevOptions): number {
  if (port === 0) return 0;
  const first = port ?? devPortDefault;
  const last = port ?? devPortDefault + portsTriedMax - 1;
  for (let candidate = first; ; candidate += 1) {
    try {
      Bun.listen({ hostname, port: candidate, socket: { data() {} } }).stop(true);
      return candidate;
    } catch (error) {
      if (candidate === last) throw bindError(error, "--port", candidate);
    }
  }
}
