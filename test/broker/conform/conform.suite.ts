/**
 * Goal: whoever polls and whoever dispatches finds a broker that does what theirs expects, whichever version and runtime
 * it has. Method: the published client in Node and in Bun against `levain broker`, in processes of their own; each claim
 * for each client. Most claims run at once; no two share a deployment.
 *
 *   bun test ./test/broker/conform/conform.suite.ts
 */
import { afterAll, describe, expect, test } from "bun:test";
import { NAIVE } from "../broker-process.ts";
import { SharedProcesses, World } from "./case.ts";
import { CONNECT_CASES } from "./cases-connect.ts";
import { DISPATCH_CASES } from "./cases-dispatch.ts";
import { POLL_CASES } from "./cases-poll.ts";
import { TRUST_CASES } from "./cases-trust.ts";
import { CLIENT_CASES } from "./client-cases.ts";
import { CLIENTS } from "./clients.ts";
import { ScriptedServer } from "./scripted-server.ts";

const CASES = [...CONNECT_CASES, ...POLL_CASES, ...DISPATCH_CASES, ...TRUST_CASES];
const testTimeoutMs = 60_000;

const shared = new SharedProcesses();
const withoutCare = new SharedProcesses(NAIVE, 3000);
afterAll(async () => {
  await shared[Symbol.asyncDispose]();
  await withoutCare[Symbol.asyncDispose]();
}, testTimeoutMs);

describe.each(CLIENTS.map((client) => [client.name, client] as const))("%s:", (_, client) => {
  const world = new World(client, shared);

  const cases = CASES.filter(
    ({ isOfRuntime }) => isOfRuntime !== true || client.version === "4.8.3",
  );

  test.concurrent.each(cases.map(({ claim, run }) => [claim, run] as const))(
    "%s",
    (_claim, run) => run(world),
    testTimeoutMs,
  );
});

describe.each(CLIENTS.map((client) => [client.name, client] as const))("%s:", (_, client) => {
  const world = new World(client, shared);

  test.concurrent.each(CLIENT_CASES.map((row) => [row.claim, row] as const))(
    "%s",
    async (_claim, { script, skipsConnect, end, requests }) => {
      using server = new ScriptedServer(script);

      const deployment = world.deployment();
      const timeouts = { connectionTimeoutMs: 10_000, keepaliveMs: 30_000 };
      const { url } = server;
      const runner = await world.runner({
        url,
        deployment,
        skipsConnect,
        ...(skipsConnect ? timeouts : {}),
      });
      const ended = await runner.ended();

      expect({ ...ended, requests: server.requests.length }).toMatchObject(end(client));
      if (requests !== undefined) expect(server.requests).toEqual(requests(client));
    },
    testTimeoutMs,
  );
});

describe("a broker that takes written for delivered is found out:", () => {
  const world = new World(CLIENTS[0]!, withoutCare);
  const broken = CASES.filter(({ isBrokenWithoutCare }) => isBrokenWithoutCare);

  test.concurrent.each(broken.map(({ claim, run }) => [claim, run] as const))(
    "not so: %s",
    async (_claim, run) => {
      expect(
        await run(world).then(
          () => "held",
          () => "broken",
        ),
      ).toBe("broken");
    },
    testTimeoutMs,
  );
});
