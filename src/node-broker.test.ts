/** Goal: a node's broker is there again when it ends or stands still, on its ports. Method: real processes. */
import { afterEach, expect, test } from "bun:test";
import { systemClock } from "./base/clock.ts";
import { until } from "./base/until-for-tests.ts";
import { readBrokerConfig } from "./broker/read-settings.ts";
import type { FromBroker, ToBroker } from "./broker-protocol.ts";
import { type NodeBroker, startNodeBroker } from "./node-broker.ts";

const started: NodeBroker[] = [];
afterEach(async () => {
  for (const broker of started.splice(0)) await broker.stop();
});

async function start(flags: Record<string, string> = {}, silentMsMax = 20_000) {
  const config = readBrokerConfig({ env: {}, flags: { port: "0", dispatchPort: "0", ...flags } });
  const notes: string[] = [];
  const note = (line: string) => void notes.push(line);
  const options = { config, version: "1.2.3", clock: systemClock, note, silentMsMax };
  const broker = await startNodeBroker(options);
  started.push(broker);
  return { broker, notes };
}

async function isOnAt(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/status`).catch(() => null);
  return answer?.ok === true;
}

test("one that dies is started again on the same ports", async () => {
  const { broker, notes } = await start();
  const { pid, port, dispatchPort, version } = broker.status!;
  expect(await isOnAt(dispatchPort)).toBe(true);

  process.kill(pid, "SIGKILL");
  await until(() => broker.status?.pid !== pid);

  expect(broker.status).toMatchObject({ port, dispatchPort });
  expect(await isOnAt(dispatchPort)).toBe(true);
  expect([broker.restarts, version]).toEqual([1, "1.2.3"]);
  expect(notes).toEqual(["The broker ended (signal SIGKILL); it is started again in 50 ms"]);
});

test("one that stands still is ended and started again", async () => {
  const { broker, notes } = await start({}, 3000);
  const { pid } = broker.status!;

  process.kill(pid, "SIGSTOP");
  await until(() => broker.status?.pid !== pid, 20_000);

  expect(notes[0]).toBe("The broker says nothing any more; it is ended and started again");
}, 30_000);

test("a port that is taken keeps the node from starting, and says which", async () => {
  using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });

  const failed = await start({ dispatchPort: `${other.port}` }).catch((error: Error) => error);
  const failedToo = await start({ port: `${other.port}` }).catch((error: Error) => error);

  expect(failed).toMatchObject({
    code: "PORT_IN_USE",
    message: `Cannot listen: broker.dispatchPort ${other.port} is in use`,
  });
  expect(failedToo).toMatchObject({
    code: "PORT_IN_USE",
    message: `Cannot listen: broker.port ${other.port} is in use`,
  });
});

test("its end is a drain: it has ended when stop resolves", async () => {
  const { broker } = await start();
  const { pid, dispatchPort } = broker.status!;

  await broker.stop();

  expect(await isOnAt(dispatchPort)).toBe(false);
  expect(() => process.kill(pid, 0)).toThrow();
});

test("it goes on when nobody reads the node's notes any more", async () => {
  // Says so as it starts: there is no such file.
  const flags = { port: "0", dispatchPort: "0", cordonFile: "/nowhere/cordoned" };
  const config = readBrokerConfig({ env: {}, flags });
  let reports = 0;
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/broker-process.ts`], {
    stdio: ["ignore", "ignore", "pipe"],
    ipc: ({ type }: FromBroker) => {
      if (type === "status") reports += 1;
    },
  });
  // It ends with its node, and hears no signal that a terminal sends.
  await using _ended = {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
  await child.stderr.cancel();

  child.send({ type: "open", config, version: "1.2.3" } satisfies ToBroker);

  await until(() => reports >= 3 || child.exitCode !== null, 20_000);
  expect(child.exitCode).toBeNull();
}, 30_000);
