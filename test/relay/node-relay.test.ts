/** Goal: a relay process that dies is replaced, with all it has to know. Method: real processes, real PostgreSQL. */
import { expect, test } from "bun:test";
import pg from "pg";
import { systemClock } from "../../src/base/clock.ts";
import { until } from "../../src/base/until-for-tests.ts";
import { startNodeRelay } from "../../src/node-relay.ts";
import { withTestRelay } from "./relay-for-tests.ts";

const relayed = withTestRelay();

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows[0];
  } finally {
    await client.end().catch(() => {});
  }
}

test("a relay that is killed comes back on its port, with its databases, and what is held stays held", async () => {
  const { spec, name, url: inProcess } = await relayed.database();
  const notes: string[] = [];
  const relay = await startNodeRelay({
    port: 0,
    socketFolder: null,
    log: { write() {} },
    clock: systemClock,
    note: (line) => notes.push(line),
  });
  const url = inProcess.replace(`:${relayed.relay.port}/`, `:${relay.port}/`);
  await relay.put(spec);
  expect(await ask(url, "SELECT 1 AS one")).toEqual({ one: 1 });
  const hold = await relay.hold(name, { timeoutMs: 10_000 });

  const [child] = await childrenWith("relay-process.ts");
  process.kill(child!, "SIGKILL");
  await until(() => notes.length > 0);

  const { databases } = await relay.facts();
  expect(databases.map((one) => [one.name, one.isHeld])).toEqual([[name, true]]);
  let isAnswered = false;
  const late = ask(url, "SELECT 2 AS two").then((row) => {
    isAnswered = true;
    return row;
  });
  await until(async () => (await relay.facts()).strangers === 0 || isAnswered);
  expect(isAnswered).toBe(false);
  expect(await hold.release()).toBe(true);
  expect(await late).toEqual({ two: 2 });
  await relay.stop();
});

test("what a hold waits for in vain is said through the process, too", async () => {
  const { spec, name, url: inProcess } = await relayed.database();
  const relay = await startNodeRelay({
    port: 0,
    socketFolder: null,
    log: { write() {} },
    clock: systemClock,
    note() {},
  });
  await relay.put(spec);
  const client = new pg.Client(inProcess.replace(`:${relayed.relay.port}/`, `:${relay.port}/`));
  client.on("error", () => {});
  await client.connect();
  await client.query("BEGIN");

  const error = await relay.hold(name, { timeoutMs: 20 }).then(null, (thrown) => thrown);

  expect(error.code).toBe("DATABASE_BUSY");
  expect(error.message).toContain("a transaction has been open");
  await client.end();
  await relay.stop();
});

test("a relay that stands still is replaced when it leaves a question unanswered", async () => {
  const { spec, url: inProcess } = await relayed.database();
  const notes: string[] = [];
  const relay = await startNodeRelay({
    port: 0,
    socketFolder: null,
    log: { write() {} },
    clock: systemClock,
    note: (line) => notes.push(line),
    silentMsMax: 3000,
  });
  await relay.put(spec);
  const [child] = await childrenWith("relay-process.ts");
  process.kill(child!, "SIGSTOP");

  await relay.facts();
  await until(() => notes.length > 0);

  expect(notes[0]).toContain("signal SIGKILL");
  const url = inProcess.replace(`:${relayed.relay.port}/`, `:${relay.port}/`);
  expect((await relay.facts()).databases.map(({ name }) => name)).toEqual([spec.name]);
  expect(await ask(url, "SELECT 1 AS one")).toEqual({ one: 1 });
  await relay.stop();
}, 60_000);

/** Pids of children of this process by their command line. */
async function childrenWith(script: string): Promise<number[]> {
  const found: number[] = [];
  for (const entry of new Bun.Glob("[0-9]*/cmdline").scanSync({ cwd: "/proc", onlyFiles: false })) {
    const pid = Number(entry.split("/")[0]);
    const read = (file: string) =>
      Bun.file(`/proc/${pid}/${file}`)
        .text()
        .catch(() => "");
    const status = await read("status");
    if (!status.includes(`\nPPid:\t${process.pid}\n`)) continue;
    if ((await read("cmdline")).includes(script)) found.push(pid);
  }
  return found;
}
