/**
 * Goal: through the relay every pool of every client library comes out of every pause: the first query of each connection
 * succeeds, none fails, none hangs. Method: a real app process for each, with its library's default options, in front of
 * a relay and a PostgreSQL that is restarted, killed, cut off and stopped. About a minute and a half.
 *
 *   bun test ./test/recovery/recovery.suite.ts
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PAUSES } from "../../src/qualify/sql-recovery/pauses.ts";
import { recoveryMsMax } from "../../src/qualify/sql-recovery/verdict.ts";
import { CLIENTS } from "./client-modules.ts";
import { type InstalledPrisma, installPrisma } from "./install-prisma.ts";
import { runMatrix } from "./matrix.ts";
import { startRecoveryServer, type TestServer } from "./recovery-server.ts";
import { type RelayWay, relayWay } from "./ways.ts";

/** A busy machine is slower than a second; what hangs is not answered by then either. Milliseconds. */
const deadlineMs = 8000;
const testTimeoutMs = 120_000;
const installTimeoutMs = 300_000;

let server: TestServer;
let way: RelayWay;
let prisma: InstalledPrisma | string;
/** What took longer than it may on a machine that does nothing else. */
const late: string[] = [];

beforeAll(async () => {
  prisma = await installPrisma();
  if (typeof prisma === "string") console.log(`Prisma is left out: ${prisma}`);
  server = await startRecoveryServer();
  way = await relayWay(server);
}, installTimeoutMs);
afterAll(async () => {
  console.log(late.length === 0 ? `all within ${recoveryMsMax} ms` : `late: ${late.join(", ")}`);
  await way[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  if (typeof prisma !== "string") prisma[Symbol.dispose]();
}, testTimeoutMs);

describe("through the relay every client's first queries succeed after a pause in which", () => {
  test.each(PAUSES.map((pause) => [pause.summary, pause] as const))(
    "%s",
    async (_, pause) => {
      const clients = typeof prisma === "string" ? CLIENTS : [...CLIENTS, prisma.client];

      const cells = await runMatrix({
        ...way,
        bun: process.execPath,
        clients,
        pauses: [pause],
        deadlineMs,
        recoveryMsMax: deadlineMs,
        onCell({ client, verdict: { worstMs } }) {
          if ((worstMs ?? 0) > recoveryMsMax) late.push(`${pause.name} ${client} ${worstMs} ms`);
        },
      });

      expect(cells.filter(({ verdict }) => !verdict.isRecovered)).toEqual([]);
      expect(cells).toHaveLength(clients.length);
    },
    testTimeoutMs,
  );
});
