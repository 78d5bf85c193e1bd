/**
 * Prisma with its adapter for `pg`, as its first steps have it. Runs in a folder where its packages and the client that it
 * generates are; see `install-prisma.ts`.
 */
// @ts-expect-error: it is there only where it is tested
import { PrismaPg } from "@prisma/adapter-pg";
import type { RecoveryClient } from "../../../src/qualify/sql-recovery/recovery-client.ts";
// @ts-expect-error: it is generated where it is tested
import { PrismaClient } from "./generated/client.ts";

/** What is used of a client that is generated only when it is tested. */
interface Runs {
  $queryRaw<Row>(text: TemplateStringsArray, ...values: unknown[]): Promise<Row[]>;
  loaf: { create(row: { data: { id: bigint } }): Promise<unknown> };
}
interface Prisma extends Runs {
  $transaction(work: (transaction: Runs) => Promise<void>): Promise<void>;
}

const prisma: Prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString: process.env["DATABASE_URL"] }),
});

const client: RecoveryClient = {
  name: "Prisma (pg)",
  connectionsMax: 10,
  async ask(value, holdMs) {
    const [row] = await prisma.$queryRaw<{ value: number }>`
      SELECT ${value}::int AS value, pg_sleep(${holdMs / 1000}::float8)::text AS slept`;
    return row!.value;
  },
  async bake(id) {
    await prisma.loaf.create({ data: { id: BigInt(id) } });
  },
  async bakeTogether(ids, holdMs) {
    await prisma.$transaction(async (transaction) => {
      for (const id of ids) {
        await transaction.loaf.create({ data: { id: BigInt(id) } });
        await transaction.$queryRaw`SELECT pg_sleep(${holdMs / 1000}::float8)::text AS slept`;
      }
    });
  },
};

export default client;
