/**
 * Kills apps, PostgreSQL and the node with SIGKILL at random moments while requests and deploys go on, and then looks at
 * what is left: every version must serve, every deploy that was reported must be in the store, and no process may remain.
 *
 *   bun bench/chaos.ts [--seconds 120] [--apps 4] [--seed N]
 *
 * While something is being killed, requests may fail with a typed answer or a reset; that is counted, not judged.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startTestNode, type TestNode } from "../test/node-for-tests.ts";
import { allProcesses } from "./process-tree.ts";
import { seededRandom } from "./seeded-random.ts";

export interface Chaos {
  seed: number;
  seconds: number;
  kills: Record<"app" | "postgres" | "node", number>;
  requests: number;
  /** By status or code; `broken` for a reset or a refused connection. */
  answers: Record<string, number>;
  deploys: { done: number; failed: number };
  /** What is wrong afterwards; empty when all is well. */
  wrong: string[];
}

/** An app that says which deploy it is. */
function writeApp(folder: string, mark: string): void {
  writeFileSync(
    join(folder, "index.ts"),
    `export default { fetch: () => new Response(${JSON.stringify(mark)}) };\n`,
  );
}

export async function chaos(options: {
  seconds: number;
  apps: number;
  seed: number;
}): Promise<Chaos> {
  const random = seededRandom(options.seed);
  const sources = mkdtempSync(join(tmpdir(), "levain-chaos-"));
  const names = Array.from({ length: options.apps }, (_, index) => `app${index}`);
  const result: Chaos = {
    seed: options.seed,
    seconds: options.seconds,
    kills: { app: 0, postgres: 0, node: 0 },
    requests: 0,
    answers: {},
    deploys: { done: 0, failed: 0 },
    wrong: [],
  };
  /** Versions that a deploy reported, with what they answer. */
  const reported = new Map<string, { version: number; mark: string }[]>();
  const node = await startTestNode();
  let isOver = false;
  let deploys = 0;

  const deploy = async (name: string) => {
    deploys += 1;
    const folder = mkdtempSync(join(sources, `${name}-`));
    const mark = `${name} deploy ${deploys}`;
    writeApp(folder, mark);
    const { json } = await node.cli(["deploy", folder, "--app", name, "--branch", "main"]);
    rmSync(folder, { recursive: true, force: true });
    if (json?.ok === true) {
      result.deploys.done += 1;
      reported.set(name, [...(reported.get(name) ?? []), { version: json.data.version, mark }]);
    } else {
      result.deploys.failed += 1;
    }
  };
  const load = async (name: string) => {
    while (!isOver) {
      result.requests += 1;
      const answer = await node
        .fetch(name, "/", { keepalive: false, signal: AbortSignal.timeout(10_000) })
        .then((response) =>
          response.text().then(() => response.headers.get("levain-error") ?? response.status),
        )
        .catch(() => "broken");
      result.answers[answer] = (result.answers[answer] ?? 0) + 1;
      if (answer !== 200) await Bun.sleep(5);
    }
  };

  try {
    for (const name of names) await deploy(name);
    const loads = names.map((name) => load(name));
    const deploying = (async () => {
      while (!isOver) {
        await deploy(names[Math.floor(random() * names.length)]!);
        await Bun.sleep(200 + random() * 800);
      }
    })();
    const endMs = performance.now() + options.seconds * 1000;
    while (performance.now() < endMs) {
      await Bun.sleep(200 + random() * 2800);
      await killSomething(node, random, result);
    }
    isOver = true;
    await Promise.all([...loads, deploying]);
    await judge(node, reported, result);
    const exitCode = await node.stop();
    if (exitCode !== 0) result.wrong.push(`the node ended with ${exitCode}`);
    for (const left of allProcesses().filter(({ command }) => command.includes(node.dataDir))) {
      result.wrong.push(
        `process ${left.pid} (${left.state}) is left: ${left.command.slice(0, 100)}`,
      );
    }
  } finally {
    isOver = true;
    await node[Symbol.asyncDispose]();
    rmSync(sources, { recursive: true, force: true });
  }
  return result;
}

async function killSomething(node: TestNode, random: () => number, result: Chaos): Promise<void> {
  const choice = random();
  if (choice < 0.2) {
    result.kills.node += 1;
    await node.kill();
    await Bun.sleep(random() * 500);
    await node.start();
  } else if (choice < 0.4) {
    const pid = postgresPid(node.dataDir);
    if (pid === null) return;
    result.kills.postgres += 1;
    kill(pid);
  } else {
    const { json } = await node.cli(["ps"]);
    const pids = (json?.data?.instances ?? [])
      .map((row: { pid: number | null }) => row.pid)
      .filter(Boolean);
    if (pids.length === 0) return;
    result.kills.app += 1;
    kill(pids[Math.floor(random() * pids.length)]);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function postgresPid(dataDir: string): number | null {
  try {
    return (
      Number(
        readFileSync(join(dataDir, "postgres", "data", "postmaster.pid"), "utf8").split("\n")[0],
      ) || null
    );
  } catch {
    return null;
  }
}

/** Asks every version that was reported, and compares with what the store lists. */
async function judge(
  node: TestNode,
  reported: ReadonlyMap<string, { version: number; mark: string }[]>,
  result: Chaos,
): Promise<void> {
  await until(async () => (await node.cli(["status"])).json?.data?.store?.state === "ready");
  for (const [name, versions] of reported) {
    const { json } = await node.cli(["versions", name]);
    const listed = new Set(
      (json?.data?.versions ?? []).map((row: { number: number }) => row.number),
    );
    for (const { version, mark } of versions) {
      if (!listed.has(version)) result.wrong.push(`v${version} of ${name} is not in the store`);
      const answer = await answerOf(node, `v${version}--${name}`);
      if (answer !== mark) result.wrong.push(`v${version} of ${name} answers ${answer}`);
    }
    const live = await answerOf(node, name);
    if (!live.startsWith(`${name} deploy `)) result.wrong.push(`${name} answers ${live}`);
  }
}

/** What a host answers once the back-off of its last crash is over. */
async function answerOf(node: TestNode, host: string): Promise<string> {
  let last = "nothing";
  await until(async () => {
    const response = await node.fetch(host, "/", { keepalive: false }).catch(() => null);
    if (response === null) return false;
    last = await response.text();
    return response.status === 200;
  });
  return last;
}

/** Waits for a condition, and goes on after a while when it does not come: the caller then sees what is wrong. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 40_000;
  while (performance.now() < endMs) {
    if (await condition()) return;
    await Bun.sleep(100);
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "120" },
      apps: { type: "string", default: "4" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
    },
  });
  console.log(`seed ${values.seed}`);
  const outcome = await chaos({
    seconds: Number(values.seconds),
    apps: Number(values.apps),
    seed: Number(values.seed),
  });
  console.log(JSON.stringify(outcome, null, 2));
  process.exit(outcome.wrong.length > 0 ? 1 : 0);
}
