/**
 * Lets apps with different client libraries sleep and wake, their server connections end and PostgreSQL start anew, a
 * thousand times at random while they work, and counts what no user may see: a query outside a transaction that fails, any
 * query that hangs, a row that is written twice or lost; and what a node may not keep.
 *
 *   bun bench/soak-database.ts [--events 1000] [--apps 10] [--seed N] [--plain]
 *
 * On a node of its own, with branch databases; `--plain`: processes behind a relay, without a node.
 *
 * A transaction that is open when its connection ends fails, and has to say so at once; that is counted.
 */
import { parseArgs } from "node:util";
import type { QueryOutcome } from "../src/qualify/sql-recovery/recovery-client.ts";
import { type Holdings, holdingsOf, mebibytes } from "./process-tree.ts";
import { seededRandom } from "./seeded-random.ts";
import { SoakLedger, type WorkCounts } from "./soak-ledger.ts";
import { openNodeBakeries } from "./soak-node-bakeries.ts";
import { openPlainBakeries } from "./soak-plain-bakeries.ts";

/** Apps that can be put to sleep, and the PostgreSQL behind them. */
export interface Bakeries extends AsyncDisposable {
  readonly apps: readonly string[];
  ask(app: string, path: string, timeoutMs: number): Promise<Response>;
  /** Puts an app to sleep that has nothing to do. Resolves when it stands still. */
  sleep(app: string): Promise<void>;
  /** So that the next request finds it awake; nothing where requests wake. */
  wake(app: string): void;
  /** Ends all of the app's sessions at the server. Returns how many. */
  terminate(app: string): Promise<number>;
  /** Resolves when PostgreSQL answers again. */
  restart(): Promise<void>;
  /** Ids of the rows of all apps, as often as they are there. */
  rows(): Promise<number[]>;
  /** Connections to PostgreSQL, of all apps. Count. */
  serverConnections(): Promise<number>;
  /** What is looked at for leaks. */
  processes(): Promise<Record<string, number>>;
}

export interface DatabaseSoakOptions {
  events: number;
  seed: number;
  note?(line: string): void;
}

export interface DatabaseSoak {
  seed: number;
  seconds: number;
  events: Record<"sleep" | "wake" | "terminate" | "restart", number>;
  /** The longest that PostgreSQL was away: queries wait for it. Milliseconds. */
  restartMsMax: number;
  /** Sessions that were ended by `terminate`. Count. */
  terminated: number;
  /** Requests to apps that the platform did not answer with 200. Count. */
  unanswered: number;
  single: WorkCounts;
  transactions: WorkCounts;
  errors: Record<string, number>;
  before: Kept;
  after: Kept;
  /** What is wrong; empty when all is well. */
  wrong: string[];
}

export interface Kept {
  serverConnections: number;
  processes: Record<string, Holdings>;
}

/** Loops of requests to each app. Count. */
const loopsPerApp = 2;
/** After so long a query hangs. The relay's own bound for a server that is away is 10 s. Milliseconds. */
const deadlineMs = 15_000;
/** A transaction that fails has waited for a server that was away, at most, before it began: the relay's own bound, and more
 * for a busy machine. Milliseconds. */
const failedMsMax = 12_000;
/** Between two restarts, so that the node starts PostgreSQL again without a longer pause. Milliseconds. */
const restartEveryMs = 31_000;
/** Between two events at most. Milliseconds. */
const eventMsMax = 250;
/** What may be added over the whole soak: connections and files that are opened now and then. */
const fdsGrowthMax = 20;
const residentGrowthMax = 48 * 1024 * 1024;

export async function soakDatabase(
  bakeries: Bakeries,
  options: DatabaseSoakOptions,
): Promise<DatabaseSoak> {
  const { events, seed, note = () => {} } = options;
  const random = seededRandom(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  const ledger = new SoakLedger();
  const asleep = new Map<string, Promise<void>>();
  const count = { sleep: 0, wake: 0, terminate: 0, restart: 0 };
  let restartMsMax = 0;
  let [terminated, unanswered, nextId, isOver] = [0, 0, 1, false];
  const startMs = performance.now();

  const work = async (app: string): Promise<void> => {
    const dice = random();
    const [isTransaction, isRead] = [dice < 0.2, dice > 0.8];
    const ids = isRead ? [] : Array.from({ length: isTransaction ? 3 : 1 }, () => nextId++);
    const holdMs = Math.floor(random() * 20);
    const path = isRead
      ? `/round?queries=3&holdMs=${holdMs}&deadlineMs=${deadlineMs}`
      : `/${isTransaction ? "bake-together" : "bake"}?ids=${ids}&holdMs=${holdMs}&deadlineMs=${deadlineMs}`;
    try {
      const answer = await bakeries.ask(app, path, deadlineMs * 2);
      if (answer.status !== 200) {
        unanswered += 1;
        note(`${app}: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
        return;
      }
      const outcomes = [(await answer.json()) as QueryOutcome | QueryOutcome[]].flat();
      for (const outcome of outcomes) ledger.add(app, ids, isTransaction, outcome);
    } catch (error) {
      unanswered += 1;
      note(`${app}: ${error}`);
    }
  };
  const busy = new Map<string, number>();
  const load = async (app: string): Promise<void> => {
    while (!isOver) {
      if (asleep.has(app)) {
        await Bun.sleep(5);
        continue;
      }
      busy.set(app, (busy.get(app) ?? 0) + 1);
      await work(app);
      busy.set(app, busy.get(app)! - 1);
      await Bun.sleep(random() * 30);
    }
  };
  /** Lets no new request through, waits for those under way, and then for the app to stand still. */
  const sleep = (app: string): Promise<void> =>
    (async () => {
      while ((busy.get(app) ?? 0) > 0) await Bun.sleep(2);
      await bakeries.sleep(app);
    })();
  const wake = async (app: string): Promise<void> => {
    await asleep.get(app);
    bakeries.wake(app);
    asleep.delete(app);
  };

  // Every pool has opened what it opens.
  for (const app of bakeries.apps) await Promise.all(Array.from({ length: 4 }, () => work(app)));
  const before = await keptBy(bakeries);
  const loads = bakeries.apps.flatMap((app) =>
    Array.from({ length: loopsPerApp }, () => load(app)),
  );
  let lastRestartMs = performance.now();
  for (let event = 0; event < events; event += 1) {
    if (event % 100 === 0) note(`event ${event}, ${Math.round(performance.now() - startMs)} ms`);
    await Bun.sleep(random() * eventMsMax);
    const sleepers = [...asleep.keys()];
    const dice = random();
    if (performance.now() - lastRestartMs > restartEveryMs) {
      count.restart += 1;
      const beganMs = performance.now();
      await bakeries.restart();
      lastRestartMs = performance.now();
      restartMsMax = Math.max(restartMsMax, Math.round(lastRestartMs - beganMs));
    } else if (dice < 0.3) {
      count.terminate += 1;
      terminated += await bakeries.terminate(pick(bakeries.apps));
    } else if (sleepers.length > 0 && (dice < 0.65 || sleepers.length > bakeries.apps.length / 2)) {
      count.wake += 1;
      await wake(pick(sleepers));
    } else {
      count.sleep += 1;
      const app = pick(bakeries.apps.filter((name) => !asleep.has(name)));
      asleep.set(app, sleep(app));
    }
  }
  for (const app of [...asleep.keys()]) await wake(app);
  isOver = true;
  await Promise.all(loads);
  for (const app of bakeries.apps) await work(app);

  const after = await keptBy(bakeries);
  const wrong = ledger.compare(await bakeries.rows());
  const { single, transactions } = ledger;
  if (single.failed > 0) wrong.push(`${single.failed} queries outside transactions failed`);
  if (single.hung + transactions.hung > 0)
    wrong.push(`${single.hung} queries and ${transactions.hung} transactions hung`);
  if (transactions.failedMsMax > failedMsMax)
    wrong.push(`a transaction failed after ${transactions.failedMsMax} ms`);
  if (unanswered > 0) wrong.push(`${unanswered} requests were not answered with 200`);
  wrong.push(...grown(before, after));
  const errors = Object.fromEntries(ledger.errors);
  const seconds = Math.round((performance.now() - startMs) / 1000);
  return {
    seed,
    seconds,
    events: count,
    restartMsMax,
    terminated,
    unanswered,
    single,
    transactions,
    errors,
    before,
    after,
    wrong,
  };
}

async function keptBy(bakeries: Bakeries): Promise<Kept> {
  const pids = await bakeries.processes();
  const processes = Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => [name, holdingsOf(pid)]),
  );
  return { serverConnections: await bakeries.serverConnections(), processes };
}

function grown(before: Kept, after: Kept): string[] {
  const wrong: string[] = [];
  for (const [name, { fds, residentBytes }] of Object.entries(after.processes)) {
    const first = before.processes[name];
    if (first === undefined) continue;
    if (fds - first.fds > fdsGrowthMax)
      wrong.push(`${name} has ${fds} descriptors, ${first.fds} before`);
    if (residentBytes - first.residentBytes > residentGrowthMax)
      wrong.push(
        `${name} takes ${mebibytes(residentBytes)}, ${mebibytes(first.residentBytes)} before`,
      );
  }
  return wrong;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      events: { type: "string", default: "1000" },
      apps: { type: "string", default: "10" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      plain: { type: "boolean", default: false },
    },
  });
  console.error(`seed ${values.seed}`);
  const note = (line: string) => console.error(line);
  const apps = Number(values.apps);
  await using bakeries = values.plain
    ? await openPlainBakeries(apps)
    : await openNodeBakeries(apps, note);
  const soak = await soakDatabase(bakeries, {
    events: Number(values.events),
    seed: Number(values.seed),
    note,
  });
  console.log(JSON.stringify(soak, null, 2));
  process.exitCode = soak.wrong.length > 0 ? 1 : 0;
}
