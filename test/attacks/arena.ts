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
import { startTestNode, type TestNode } from "../node-for-tests.ts";
import type { Report, Target } from "./attack.ts";
import type { Attack } from "./attacks.ts";
import { openOutside } from "./outside.ts";
import { type Visit, visitDuring } from "./visitor.ts";

/** Who runs the node, and how its apps are held. */
export type Mode = "root" | "user" | "bare";

export interface Fight {
  /** What the attacker says it got; for one that did not live to say so, how its request was answered. */
  report: Report;
  visit: Visit;
  /** What has changed that an app must not change. Empty when nothing has. */
  harm: string[];
  /** Codes that the attacker's log has, in the order in which they first came. */
  codes: string[];
}

export interface Arena extends AsyncDisposable {
  node: TestNode;
  mode: Mode;
  fight(attack: Attack): Promise<Fight>;
  /** Deletes the attacker; resolves when its processes should be gone. */
  dismiss(attack: Attack): Promise<void>;
}

/** An attack takes no longer than this. Milliseconds. */
const attackTimeoutMs = 45_000;

/** Deploys under way at once: two build at the same time, the others are packed meanwhile. Count. */
const deploysMax = 6;

/** An account that every Linux has, with no rights. */
export const nobody = { uid: 65_534, gid: 65_534 };

const here = import.meta.dir;

export async function openArena(mode: Mode, attacks: readonly Attack[]): Promise<Arena> {
  await using cleanup = new AsyncDisposableStack();
  const outside = cleanup.use(await openOutside());
  const node = cleanup.use(await startTestNode(mode === "user" ? { user: nobody } : {}));
  const projects = mkdtempSync(join(tmpdir(), "levain-attackers-"));
  chmodSync(projects, 0o755);
  cleanup.defer(() => rmSync(projects, { recursive: true }));
  await bundle(projects, attacks);

  const deploy = async (app: string, config: object, files: Record<string, string> = {}) => {
    const folder = join(projects, app);
    for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
    const sandbox = mode === "bare" ? { sandbox: "off" } : {};
    writeFileSync(
      join(folder, "levain.config.json"),
      JSON.stringify({ name: app, entry: "index.js", ...sandbox, ...config }),
    );
    const { code, stdout } = await node.cli(["deploy", folder]);
    if (code !== 0) throw new Error(`${app} was not deployed: ${stdout}`);
  };
  await Promise.all([deploy("neighbour", { idleFreezeMs: 0 }), deploy("victim", {})]);
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
    async fight(attack) {
      const target = await targetOf(node, outside.outside);
      const before = stateOf(node, target);
      const [visit, report] = await visitDuring(node, "neighbour", () =>
        order(node, attack, target),
      );
      const after = stateOf(node, await targetOf(node, outside.outside));
      const harm = Object.keys(before)
        .filter((name) => before[name] !== after[name])
        .map((name) => `${name}: ${before[name]} became ${after[name]}`);
      return { report, visit, harm, codes: await codesOf(node, attack.app) };
    },
    async dismiss({ app }) {
      await node.cli(["delete", app, "--confirm", app]);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const attackerLimits = { requestTimeoutMs: 8000, memoryBytesMax: 256 * 1024 * 1024 };

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
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      return { it: `${response.status} with ${text.length} bytes` };
    }
  } catch (error) {
    return { it: (error as { code?: string }).code ?? String(error) };
  }
}

/** What the attackers are told. Asks both apps, so that they run. */
async function targetOf(node: TestNode, outside: Target["outside"]): Promise<Target> {
  const [neighbour, victim] = await Promise.all(
    ["neighbour", "victim"].map(
      async (app) =>
        (await (await node.fetch(app, "/")).json()) as Target["neighbour"] & Target["victim"],
    ),
  );
  const { dataDir, pid: nodePid, port, adminPort } = node;
  const run = join(dataDir, "run");
  return {
    dataDir,
    nodeFiles: nodeFiles(dataDir, [neighbour!.artifact, neighbour!.run]),
    nodePid,
    port,
    adminPort,
    postgresSockets: join(dataDir, "postgres/socket"),
    neighbour: neighbour!,
    victim: victim!,
    sparePid: await sparePid(node, run),
    outside,
  };
}

/** A process that has a run folder and is no app's. 0 when there is none at the moment. */
async function sparePid(node: TestNode, run: string): Promise<number> {
  const { json } = await node.cli(["ps"]);
  const taken = new Set(json.data.instances.map(({ pid }: { pid: number | null }) => pid));
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
function stateOf(node: TestNode, { neighbour, sparePid: _, nodeFiles }: Target) {
  const state: Record<string, string> = {
    "pid of the neighbour": String(neighbour.pid),
    "files of the node": nodeFiles.map((path) => basename(path)).join(" "),
    "signals of the node": signalsOf(node.pid),
  };
  for (const path of nodeFiles.filter((path) => /\.json$|token|password|index/.test(path))) {
    const { mode, uid, size, mtimeMs } = lstatSync(path);
    state[path] = [mode.toString(8), uid, size, Math.floor(mtimeMs)].join(" ");
  }
  return state;
}

/** Stopped or traced is not how a node should be. */
function signalsOf(pid: number): string {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return /^TracerPid:\s*(\d+)/m.exec(status)?.[1] ?? "unknown";
}

async function codesOf(node: TestNode, app: string): Promise<string[]> {
  const { stdout } = await node.cli(["logs", app]);
  const codes = new Set<string>();
  for (const line of stdout.split("\n").filter(Boolean)) {
    const { fields } = JSON.parse(line) as {
      fields?: { code?: string; cause?: { code?: string } };
    };
    for (const code of [fields?.code, fields?.cause?.code]) if (code) codes.add(code);
  }
  return [...codes];
}
