/**
 * Goal: whatever ends under sessions, nothing is done twice, nothing hangs, and outside transactions nothing fails that was
 * rolled back for certain. Method: clients of three libraries that insert numbered rows, an administrator that ends server
 * processes and holds the database, all at random; then the rows are counted. LEVAIN_TEST_SEED repeats a run's choices.
 */
import { expect, test } from "bun:test";
import { SQL } from "bun";
import pg from "pg";
import postgres from "postgres";
import { pick, randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { storyTime } from "../../src/base/story-for-tests.ts";
import { withTestRelay } from "./relay-for-tests.ts";

const relayed = withTestRelay();

const seconds = 4;
/** Longer than any wait of the relay's, on a busy machine. */
const hangMs = 30_000;

interface Outcome {
  id: number;
  kind: "statement" | "transaction";
  error: string | null;
}

/** Adds a row with this number; in a transaction, two. */
interface Actor {
  name: string;
  statement(id: number): Promise<unknown>;
  transaction(id: number): Promise<unknown>;
  end(): Promise<unknown>;
}

async function actors(url: string): Promise<Actor[]> {
  const all: Actor[] = [];
  for (const name of [undefined, "insert"]) {
    const client = new pg.Client(url);
    client.on("error", () => {});
    await client.connect();
    const insert = (id: number) =>
      client.query({ name, text: "INSERT INTO rows VALUES ($1)", values: [id] } as pg.QueryConfig);
    all.push({
      name: `pg ${name ?? "without a name"}`,
      statement: insert,
      async transaction(id) {
        try {
          await client.query("BEGIN");
          await insert(id);
          await insert(id);
          await client.query("COMMIT");
        } catch (error) {
          await client.query("ROLLBACK");
          throw error;
        }
      },
      end: () => client.end(),
    });
  }
  const bun = new SQL(url, { max: 3 });
  all.push({
    name: "Bun.sql",
    statement: (id) => bun`INSERT INTO rows VALUES (${id})`,
    transaction: (id) =>
      bun.begin(async (tx) => {
        await tx`INSERT INTO rows VALUES (${id})`;
        await tx`INSERT INTO rows VALUES (${id})`;
      }),
    end: () => bun.close(),
  });
  const js = postgres(url, { max: 3, onnotice() {} });
  all.push({
    name: "postgres",
    statement: (id) => js`INSERT INTO rows VALUES (${id})`,
    transaction: (id) =>
      js.begin(async (tx) => {
        await tx`INSERT INTO rows VALUES (${id})`;
        await tx`INSERT INTO rows VALUES (${id})`;
      }),
    end: () => js.end(),
  });
  return all;
}

test("rows are there as often as clients were told, whatever ends meanwhile", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const why = `LEVAIN_TEST_SEED=${seed}`;
  const database = await relayed.database();
  const all = await actors(database.url);
  const setup = new pg.Client(database.url);
  setup.on("error", () => {});
  await setup.connect();
  await setup.query("CREATE TABLE rows (id int)");
  const outcomes: Outcome[] = [];
  let lastId = 0;
  let terminated = 0;
  const goesOn = storyTime(seconds, () => outcomes.length > 50 && terminated > 5);

  const run = async (actor: Actor): Promise<void> => {
    while (goesOn()) {
      lastId += 1;
      const id = lastId;
      const kind = random(3) === 0 ? "transaction" : "statement";
      const late = Promise.withResolvers<string>();
      const timer = setTimeout(late.resolve, hangMs, `${actor.name} hangs in a ${kind}`);
      const error = await Promise.race([
        actor[kind](id).then(
          () => null,
          (thrown) => `${actor.name}: ${thrown.errno ?? ""} ${thrown.code ?? ""} ${thrown.message}`,
        ),
        late.promise,
      ]);
      clearTimeout(timer);
      outcomes.push({ id, kind, error });
      await new Promise((resolve) => setTimeout(resolve, random(4)));
    }
  };
  const disturb = async (): Promise<void> => {
    while (goesOn()) {
      await new Promise((resolve) => setTimeout(resolve, 20 + random(150)));
      if (pick(random, ["terminate", "terminate", "hold"]) === "terminate") {
        await database.terminate();
        terminated += 1;
        continue;
      }
      const hold = await relayed.relay.hold(database.name, { timeoutMs: 2000 }).catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, random(60)));
      await hold?.release();
    }
  };
  await Promise.all([...all.flatMap((actor) => [run(actor)]), disturb()]);

  const { rows } = await setup.query("SELECT id, count(*)::int AS n FROM rows GROUP BY id");
  const counts = new Map<number, number>(rows.map(({ id, n }) => [id, n]));
  const wrong = outcomes.filter(({ id, kind, error }) => {
    const count = counts.get(id) ?? 0;
    const whole = kind === "transaction" ? 2 : 1;
    if (error === null) return count !== whole;
    // What fails may have been committed only when nobody could know.
    return count !== 0 && !(count === whole && /unknown|not known|08007/.test(error));
  });
  expect(wrong, why).toEqual([]);
  expect(
    outcomes.filter(({ error }) => error?.includes("hangs")),
    why,
  ).toEqual([]);
  const failed = outcomes.filter(({ kind, error }) => kind === "statement" && error !== null);
  expect(failed, why).toEqual([]);
  expect(outcomes.length, why).toBeGreaterThan(50);
  expect((await database.facts()).counters.reconnects, why).toBeGreaterThan(0);
  await Promise.all([...all.map((actor) => actor.end()), setup.end()]);
}, 90_000);
