/**
 * Apps for `soak-database.ts` on a real node, each with the database of its main branch. Sleep is the node's own: an app that
 * is idle is frozen, and its next request wakes it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startTestNode, type TestNode } from "../test/node-for-tests.ts";
import { CLIENTS } from "../test/recovery/client-modules.ts";
import { installPrisma } from "../test/recovery/install-prisma.ts";
import { descendantsOf } from "./process-tree.ts";
import type { Bakeries } from "./soak-database.ts";

/** Idle for so long, an app is frozen. Milliseconds. */
const idleFreezeMs = 200;
/** Idle for so long, a session gives its server connection back; some sleep longer, most do not. Milliseconds. */
const idleReleaseMs = 1000;
/** How long an app may take to be frozen, PostgreSQL to be back. Milliseconds. */
const waitMs = 60_000;

interface Bakery {
  app: string;
  client: string;
  url: string;
}

/** @param count of apps; with more than there are client libraries, some are there twice, and pool by transaction then */
export async function openNodeBakeries(
  count: number,
  note: (line: string) => void,
): Promise<Bakeries> {
  await using stack = new AsyncDisposableStack();
  const prisma = await installPrisma();
  if (typeof prisma === "string") note(`without Prisma: ${prisma}`);
  else stack.defer(() => prisma[Symbol.dispose]());
  const clients = typeof prisma === "string" ? CLIENTS : [...CLIENTS, prisma.client];
  const folder = mkdtempSync(join(tmpdir(), "levain-bakeries-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const node = stack.use(await startTestNode());

  const bakeries: Bakery[] = [];
  for (let index = 0; index < count; index += 1) {
    const { name: client, path } = clients[index % clients.length]!;
    const app = `bakery${index}`;
    const isAgain = index >= clients.length;
    const url = await deploy(node, join(folder, app), { app, module: path, isAgain });
    note(`${app}: ${client}${isAgain ? ", pooled by transaction" : ""}`);
    bakeries.push({ app, client, url });
  }
  const byName = new Map(bakeries.map((bakery) => [bakery.app, bakery]));
  const kept = stack.move();
  return {
    apps: bakeries.map(({ app }) => app),
    ask: (app, path, timeoutMs) =>
      node.fetch(app, path, { keepalive: false, signal: AbortSignal.timeout(timeoutMs) }),
    sleep: (app) => until(`${app} frozen`, async () => isAsleep(await stateOf(node, app))),
    wake() {},
    async terminate(app) {
      const rows = await ask(
        byName.get(app)!,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE usename = current_user AND pid <> pg_backend_pid()`,
      );
      return rows.length;
    },
    async restart() {
      const pid = postgresPid(node.dataDir);
      process.kill(pid!, "SIGINT");
      await until("PostgreSQL back", async () => {
        const now = postgresPid(node.dataDir);
        return now !== null && now !== pid && (await isReady(node));
      });
    },
    async rows() {
      const all = await Promise.all(bakeries.map((one) => ask(one, "SELECT id FROM loaves")));
      return all.flat().map(({ id }) => Number(id));
    },
    async serverConnections() {
      const processes = descendantsOf(node.pid);
      return processes.filter(({ command }) => /^postgres: .*\bbakery\d+ /.test(command)).length;
    },
    async processes() {
      const relay = descendantsOf(node.pid).find(({ command }) =>
        command.includes("relay-process"),
      );
      const found: Record<string, number> = { node: node.pid };
      if (relay !== undefined) found["relay"] = relay.pid;
      for (const { app, pid } of await instancesOf(node)) if (pid !== null) found[app] = pid;
      return found;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Deploys a client's app, with its packages in its one file. Returns the address of its database. */
async function deploy(
  node: TestNode,
  folder: string,
  { app, module, isAgain }: { app: string; module: string; isAgain: boolean },
): Promise<string> {
  const entry = join(folder, "entry.ts");
  await Bun.write(
    entry,
    `import client from ${JSON.stringify(module)};
     import { recoveryApp } from ${JSON.stringify(join(import.meta.dir, "../src/qualify/sql-recovery/recovery-client.ts"))};
     export default recoveryApp(client);`,
  );
  const built = await Bun.build({ entrypoints: [entry], target: "bun", external: ["pg-native"] });
  rmSync(entry);
  await Bun.write(join(folder, "index.js"), await built.outputs[0]!.text());
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: app }));
  const database = { idleReleaseMs, pooling: isAgain ? "transaction" : "session" };
  writeFileSync(join(folder, "levain.config.json"), JSON.stringify({ database, idleFreezeMs }));
  const deployed = await node.cli(["deploy", folder, "--app", app, "--branch", "main"]);
  if (deployed.json?.ok !== true) throw new Error(`${app}: ${deployed.stdout}${deployed.stderr}`);
  const told = await node.cli(["db", "url", "main", "--app", app]);
  if (told.json?.ok !== true) throw new Error(`${app}: ${told.stdout}${told.stderr}`);
  const { url } = told.json.data;
  await ask({ app, url }, "CREATE TABLE loaves (id bigint)");
  return url;
}

async function ask({ url }: Pick<Bakery, "app" | "url">, sql: string): Promise<{ id: string }[]> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

interface InstanceRow {
  app: string;
  pid: number | null;
  state: string;
}

async function instancesOf(node: TestNode): Promise<InstanceRow[]> {
  return ((await admin(node, "/v1/instances")) as { instances: InstanceRow[] }).instances;
}

async function stateOf(node: TestNode, app: string): Promise<string> {
  return (await instancesOf(node)).find((one) => one.app === app)?.state ?? "none";
}

const isAsleep = (state: string) => state === "frozen" || state === "paged";

async function isReady(node: TestNode): Promise<boolean> {
  const status = (await admin(node, "/v1/status")) as { store?: { state?: string } };
  return status.store?.state === "ready";
}

/** Asks the admin API by its port. */
async function admin(node: TestNode, path: string): Promise<unknown> {
  const token = readFileSync(join(node.dataDir, "admin-token"), "utf8").trim();
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:${node.adminPort}${path}`, { headers });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return await answer.json();
}

function postgresPid(dataDir: string): number | null {
  try {
    const file = readFileSync(join(dataDir, "postgres", "data", "postmaster.pid"), "utf8");
    return Number(file.split("\n")[0]) || null;
  } catch {
    return null;
  }
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + waitMs;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > endMs) throw new Error(`not ${what} within ${waitMs} ms`);
    await Bun.sleep(50);
  }
}
