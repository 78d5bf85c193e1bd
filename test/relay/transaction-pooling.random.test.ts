/**
 * Goal: with a connection for each transaction, each client sees what is its own and nothing of the others'. Method: many
 * clients on few connections do random things at once, while connections are ended under them. LEVAIN_TEST_SEED repeats it.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import pg from "pg";
import { pick, type Random, randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { withTestRelay } from "./relay-for-tests.ts";

setDefaultTimeout(60_000);
const relayed = withTestRelay();

const clients = 12;
const steps = 60;
const zones = ["UTC", "Asia/Tokyo", "Europe/Prague", "America/Lima"];

const seed = testSeed();
test(`clients of transaction pooling do not notice each other, seed ${seed}`, async () => {
  const { url, terminate, facts } = await relayed.database({
    pooling: "transaction",
    connectionsMax: 3,
  });
  const first = new pg.Client(url);
  await first.connect();
  await first.query("CREATE TABLE written (client int, step int, PRIMARY KEY (client, step))");
  let isOver = false;
  const ending = (async () => {
    const random = randomOf(seed);
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, 20 + random(60)));
      await terminate();
    }
  })();

  const outcomes = await Promise.all(
    Array.from({ length: clients }, (_, index) => actor(url, index, randomOf(seed + index))),
  );
  isOver = true;
  await ending;

  for (const { wrong } of outcomes) expect(wrong).toEqual([]);
  const { rows } = await first.query("SELECT client, step FROM written ORDER BY client, step");
  const written = new Set(rows.map(({ client, step }) => `${client} ${step}`));
  for (const [client, { committed, unclear }] of outcomes.entries()) {
    for (const step of committed) expect(written).toContain(`${client} ${step}`);
    for (const step of [...committed, ...unclear]) written.delete(`${client} ${step}`);
  }
  // Nothing was written that a client had been told was not.
  expect([...written]).toEqual([]);
  expect((await facts()).serverConnections).toBeLessThanOrEqual(3);
  await first.end();
});

interface Outcome {
  wrong: string[];
  committed: number[];
  /** Whether they are written is not known: the connection ended while they ran. */
  unclear: number[];
}

async function actor(url: string, index: number, random: Random): Promise<Outcome> {
  const outcome: Outcome = { wrong: [], committed: [], unclear: [] };
  const client = new pg.Client(url);
  client.on("error", (error) => outcome.wrong.push(`the session ended: ${error.message}`));
  await client.connect();
  let zone = "UTC";
  const expectSame = (step: number, what: string, found: unknown, expected: unknown) => {
    if (found !== expected)
      outcome.wrong.push(`${index}.${step} ${what}: ${found}, not ${expected}`);
  };
  for (let step = 0; step < steps; step += 1) {
    const kind = random(6);
    try {
      if (kind === 0) {
        const next = pick(random, zones);
        await client.query(`SET timezone = '${next}'`);
        zone = next;
      } else if (kind === 1) {
        const { rows } = await client.query("SHOW timezone");
        expectSame(step, "zone", rows[0].TimeZone, zone);
      } else if (kind === 2) {
        // All clients have statements of these names; what they say differs.
        const which = random(3);
        const text = `SELECT $1::int + ${which} + ${index * 1000} AS sum`;
        const { rows } = await client.query({ name: `q${which}`, text, values: [step] });
        expectSame(step, "named", rows[0].sum, step + which + index * 1000);
      } else if (kind === 3) {
        const { rows } = await client.query("SELECT $1::int AS same", [step]);
        expectSame(step, "unnamed", rows[0].same, step);
      } else if (kind === 4) {
        await client
          .query("SELECT 1 / 0")
          .catch((error) => expectSame(step, "error", error.code, "22012"));
      } else {
        await writes(client, index, step, random, outcome);
      }
    } catch (error) {
      // Outside of a transaction what reads is run again; SET of a session that is not remembered yet is told.
      const { code, message } = error as pg.DatabaseError;
      const isKnown = kind === 0 && (code === "08006" || code === "08007" || code === "57P01");
      if (!isKnown) outcome.wrong.push(`${index}.${step} kind ${kind}: ${code} ${message}`);
      else zone = (await client.query("SHOW timezone")).rows[0].TimeZone;
    }
  }
  await client.end();
  return outcome;
}

/** A transaction that is told truly what became of it. */
async function writes(
  client: pg.Client,
  index: number,
  step: number,
  random: Random,
  outcome: Outcome,
): Promise<void> {
  let isCommitting = false;
  try {
    await client.query("BEGIN");
    await client.query("INSERT INTO written VALUES ($1, $2)", [index, step]);
    if (random(3) === 0) return void (await client.query("ROLLBACK"));
    isCommitting = true;
    const { command } = await client.query("COMMIT");
    if (command === "COMMIT") outcome.committed.push(step);
  } catch {
    if (isCommitting) outcome.unclear.push(step);
    await client.query("ROLLBACK");
  }
}
