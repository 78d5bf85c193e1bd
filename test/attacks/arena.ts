/**
 * A real node with a neighbour to be harmed, a victim that may be, and attackers: each app is deployed as anybody would
 * deploy it, attacks once while the neighbour is visited, and is judged by what it reports and by what has changed.
 */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { blockedAt } from "../../src/base/reach.ts";
import { AdminClient } from "../../src/cli/admin-client.ts";
import { packSource } from "../../src/deploy/pack.ts";
import { kernelSupport, strictProblem } from "../../src/sandbox/kernel-support.ts";
import { startTestNode, type TestNode } from "../node-for-tests.ts";
import type { Report, Target } from "./attack.ts";
import type { Attack } from "./attacks.ts";
import { openOutside } from "./outside.ts";
import { type Visit, visitDuring } from "./visitor.ts";

/**
 * `root`, `user`: who runs the node, whose apps are held strictly. `relaxed`: root again, with apps that ask for less.
 * `bare`: an ordinary user, and nothing holds the apps.
 */
export type Mode = "root" | "user" | "relaxed" | "bare";

const SANDBOX = { root: "strict", user: "strict", relaxed: "relaxed", bare: "off" } as const;

export interface Fight {
  /** What the attacker says it got; for one that did not live to say so, how its request was answered. */
  report: Report;
  visit: Visit;
  /** What has changed that an app must not change. Empty when nothing has. */
  harm: string[];
  /** Codes that the attacker's log has, when it is to have any. */
  codes: string[];
  /** Processes of the attacker's that are there although the app was deleted. Pids. */
  left: number[];
}

export interface Arena extends AsyncDisposable {
  node: TestNode;
  mode: Mode;
  /** What attackers are told. */
  target(): Promise<Target>;
  /** Has an app attack, and deletes it. Fights may overlap. @throws when the app is not held, and attacks nobody then */
  fight(attack: Attack): Promise<Fight>;
}

/** An attack takes no longer than this. Milliseconds. */
const attackTimeoutMs = 45_000;

/** Processes of an app that was deleted are gone after this. Milliseconds. */
const leaveTimeoutMs = 10_000;

/** More than any report has. Bytes. */
const answerBytesMax = 16 * 1024 * 1024;

/** The report of an attacker that leaves a process behind has its pid under this name. */
const daemonName = "pid of the daemon";

/** Deploys under way at once: two build at the same time, the others are packed meanwhile. Count. */
const deploysMax = 6;

/** An account that every Linux has, with no rights. */
export const nobody = { uid: 65_534, gid: 65_534 };

const here = import.meta.dir;

/** Why there can be no arena of a mode here, or null. */
export async function whatBlocks(mode: Mode): Promise<string | null> {
  if (isOrdinary(mode) && isRoot) {
    for (const path of [process.execPath, here]) {
      const folder = await blockedAt(path, nobody);
      if (folder !== null) return `an ordinary user cannot get to ${folder}`;
    }
  }
  if (!isOrdinary(mode) && !isRoot) return "only root runs a node as root";
  if (mode === "bare") return null;
  return strictProblem(kernelSupport(), isOrdinary(mode));
}

const isRoot = process.getuid?.() === 0;

/** Whether an ordinary user runs the node. */
function isOrdinary(mode: Mode): boolean {
  return mode === "user" || mode === "bare";
}

export async function openArena(mode: Mode, attacks: readonly Attack[]): Promise<Arena> {
  await using cleanup = new AsyncDisposableStack();
  const outside = cleanup.use(await openOutside());
  const node = cleanup.use(
    await startTestNode({
      flags: ["--sandbox-min", "off"],
      ...(isOrdinary(mode) && isRoot ? { user: nobody } : {}),
    }),
  );
  // In this process: a command line for each step would be most of the machine's load.
  const client = new AdminClient({ dataDir: node.dataDir });
  const projects = mkdtempSync(join(tmpdir(), "levain-attackers-"));
  chmodSync(projects, 0o755);
  cleanup.defer(() => rmSync(projects, { recursive: true }));
  await bundle(projects, attacks);

  const deploy = async (app: string, config: object, files: Record<string, string> = {}) => {
    const folder = join(projects, app);
    for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
    writeFileSync(
      join(folder, "levain.config.json"),
      JSON.stringify({
        name: app,
        entry: "index.js",
        bundle: false,
        sandbox: SANDBOX[mode],
        ...config,
      }),
    );
    const { stream } = await packSource(folder);
    const query = { app, folder: app };
    for await (const event of client.stream("deploy", { query, body: stream })) {
      if (event.type === "failed") {
        throw new Error(`${app} was not deployed: ${JSON.stringify(event.error)}`);
      }
    }
  };
  await Promise.all([deploy("neighbour", { idleFreezeMs: 0 }), deploy("victim", {})]);
  cleanup.defer(await stayConnected(node));
  const waiting = [...attacks];
  await Promise.all(
    Array.from({ length: deploysMax }, async () => {
      for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
        await deploy(one.app, { limits: attackerLimits, ...one.config }, one.files);
      }
    }),
  );

  const owned = cleanup.move();
  return {
    node,
    mode,
    target: async () => (await targetOf(node, client, "neighbour", outside.outside)).target,
    async fight(attack) {
      const { target, pids } = await targetOf(node, client, attack.app, outside.outside);
      if (mode !== "bare") assertHeld(attack.app, pids);
      const before = stateOf(node, target);
      const descriptorsBefore = descriptorsOf(node.pid);
      const [visit, report] = await visitDuring(node, "neighbour", () =>
        order(node, attack, target),
      );
      const after = stateOf(node, { ...target, ...(await askNeighbours(node)) });
      const harm = Object.keys(before)
        .filter((name) => before[name] !== after[name])
        .map((name) => `${name}: ${before[name]} became ${after[name]}`);
      const descriptors = descriptorsOf(node.pid);
      if (descriptors > descriptorsBefore + descriptorsMore) {
        harm.push(`descriptors of the node: ${descriptorsBefore} became ${descriptors}`);
      }
      const codes = attack.codes === undefined ? [] : await codesOf(client, attack.app);
      await client.call("remove", { app: attack.app, query: { confirm: attack.app } });
      await endDaemon(report, "it ended with the app");
      return { report, visit, harm, codes, left: await stillThere(pids) };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A request that is not answered ends soon, so that the suite does. */
const attackerLimits = { requestTimeoutMs: 3000, memoryBytesMax: 256 * 1024 * 1024 };

/** Opens a WebSocket to the neighbour. Returns what closes it. */
async function stayConnected(node: TestNode): Promise<() => void> {
  const opened = Promise.withResolvers<void>();
  const socket = new WebSocket(`ws://127.0.0.1:${node.port}/`, {
    headers: { host: `neighbour.localhost:${node.port}` },
  } as never);
  socket.onopen = () => opened.resolve();
  socket.onerror = () => opened.reject(new Error("the neighbour took no WebSocket"));
  await opened.promise;
  return () => socket.close();
}

/** A project folder for each app, with its module and what that imports in one file. */
async function bundle(projects: string, attacks: readonly Attack[]): Promise<void> {
  const sources = [
    ...["neighbour", "victim"].map((app) => [app, join(here, "neighbour.ts")] as const),
    ...attacks.map(({ app }) => [app, join(here, "apps", `${app}.ts`)] as const),
  ];
  await Promise.all(
    sources.map(async ([app, source]) => {
      const built = await Bun.build({ entrypoints: [source], target: "bun" });
      mkdirSync(join(projects, app), { mode: 0o755 });
      await Bun.write(join(projects, app, "index.js"), built.outputs[0]!);
    }),
  );
}

/** The order to attack, and what came of it. */
async function order(node: TestNode, { app }: Attack, target: Target): Promise<Report> {
  const signal = AbortSignal.timeout(attackTimeoutMs);
  try {
    const body = JSON.stringify(target);
    const response = await node.fetch(app, "/attack", { method: "POST", body, signal });
    const verdict = response.headers.get("levain-error");
    if (verdict !== null) return { it: `${response.status} ${verdict}` };
    const bytes = await bytesOf(response);
    if (bytes === null) return { it: `${response.status} without end` };
    return JSON.parse(bytes.toString());
  } catch (error) {
    return { it: (error as { code?: string }).code ?? String(error) };
  }
}

/** Null when it goes on and on: whoever asked hangs up. */
async function bytesOf(response: Response): Promise<Buffer | null> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body!) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > answerBytesMax) return null;
  }
  return Buffer.concat(pieces);
}

type Neighbours = Pick<Target, "neighbour" | "victim">;

/** Asks both, so that they run. */
async function askNeighbours(node: TestNode): Promise<Neighbours> {
  const [neighbour, victim] = await Promise.all(
    ["neighbour", "victim"].map(
      async (app) => (await (await node.fetch(app, "/")).json()) as Neighbours["neighbour"],
    ),
  );
  return { neighbour: neighbour!, victim: victim! };
}

/** What an attacker is told, and the pids it has itself. */
async function targetOf(
  node: TestNode,
  client: AdminClient,
  app: string,
  outside: Target["outside"],
) {
  const neighbours = await askNeighbours(node);
  const { instances } = await client.call("ps");
  const { dataDir, pid: nodePid, port, adminPort } = node;
  const target: Target = {
    dataDir,
    nodeFiles: nodeFiles(dataDir, [neighbours.neighbour.artifact, neighbours.neighbour.run]),
    nodePid,
    port,
    adminPort,
    postgresSockets: join(dataDir, "postgres/socket"),
    ...neighbours,
    sparePid: sparePid(join(dataDir, "run"), new Set(instances.map(({ pid }) => pid))),
    outside,
  };
  const own = instances.filter((instance) => instance.app === app).map(({ pid }) => pid);
  return { target, pids: own.filter((pid) => pid !== null) };
}

/** A process that has a run folder and is no app's. 0 when there is none at the moment. */
function sparePid(run: string, taken: ReadonlySet<number | null>): number {
  for (const instance of readdirSync(run)) {
    try {
      const { pid } = JSON.parse(readFileSync(join(run, instance, "process.json"), "utf8"));
      if (!taken.has(pid)) return pid;
    } catch {
      // It has just ended.
    }
  }
  return 0;
}

/** An attack that nothing holds could harm the machine it is tried on. */
function assertHeld(app: string, pids: readonly number[]): void {
  for (const pid of pids) {
    const held = statusOf(pid, "NoNewPrivs") === "1" && statusOf(pid, "Seccomp") === "2";
    const isRoot = statusOf(pid, "Uid")?.startsWith("0\t") ?? true;
    if (!held || isRoot) throw new Error(`${app} is not held by a sandbox: it was not let loose`);
  }
  if (pids.length === 0) throw new Error(`${app} does not run: it was not let loose`);
}

/** Puts into a report, for the pid of a daemon, what has become of it; ends one that nobody else has ended. */
export async function endDaemon(report: Report, ended: string): Promise<void> {
  const daemon = Number(report[daemonName]);
  if (!(daemon > 0)) return;
  const left = await stillThere([daemon]);
  for (const pid of left) process.kill(pid, "SIGKILL");
  report[daemonName] = left.length === 0 ? ended : "got: it goes on";
}

async function stillThere(pids: readonly number[]): Promise<number[]> {
  const deadline = performance.now() + leaveTimeoutMs;
  for (;;) {
    const left = pids.filter((pid) => !["Z", undefined].includes(statusOf(pid, "State")?.[0]));
    if (left.length === 0 || performance.now() > deadline) return left;
    await Bun.sleep(20);
  }
}

/** A line of what the kernel says about a process; undefined when it is gone. */
function statusOf(pid: number, name: string): string | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1];
  } catch {
    return undefined;
  }
}

/** Files of the node and of `apps`, at most three of a folder. */
function nodeFiles(dataDir: string, apps: readonly string[]): string[] {
  const own = ["", "postgres", "postgres/data", "logs/neighbour"].map((name) =>
    join(dataDir, name),
  );
  return [...own, ...apps, ...apps.map((path) => join(path, "home"))].flatMap((folder) => {
    try {
      const files = readdirSync(folder, { withFileTypes: true }).filter(
        (one) => !one.isDirectory(),
      );
      const names = files.map(({ name }) => join(folder, name)).sort();
      return folder === dataDir ? names : names.slice(0, 3);
    } catch {
      return [];
    }
  });
}

/** What no attack may change: who runs, and the files that do not change by themselves. */
function stateOf(node: TestNode, { neighbour, nodeFiles }: Target) {
  const state: Record<string, string> = {
    "pid of the neighbour": String(neighbour.pid),
    "files of the node": nodeFiles.map((path) => basename(path)).join(" "),
    "who traces the node": statusOf(node.pid, "TracerPid") ?? "it is gone",
    "children of the node that nobody waits for": String(zombiesOf(node.pid) > zombiesMax),
  };
  for (const path of nodeFiles.filter((path) => /node\.json$|token|password|index/.test(path))) {
    const { mode, uid, size, mtimeMs } = lstatSync(path);
    state[path] = [mode.toString(8), uid, size, Math.floor(mtimeMs)].join(" ");
  }
  return state;
}

/** Descriptors that other requests may have at the same time. Count. */
const descriptorsMore = 200;

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Processes that have just ended are there for a moment. Count. */
const zombiesMax = 20;

function zombiesOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ");
  return children.filter((child) => statusOf(Number(child), "State")?.startsWith("Z")).length;
}

async function codesOf(client: AdminClient, app: string): Promise<string[]> {
  const codes = new Set<string>();
  for await (const { fields } of client.stream("logs", { app })) {
    const { code, cause } = (fields ?? {}) as { code?: string; cause?: { code?: string } };
    for (const one of [code, cause?.code]) if (one !== undefined) codes.add(one);
  }
  return [...codes];
}
