/**
 * Puts every client library through every pause and writes what came of it into docs/recovery.md.
 *
 *   bun test/recovery/record.ts [--way direct --way relay] [--bun <path of a Bun>]… [--write]
 *
 * Two minutes for each way and Bun. Default: all ways, this Bun.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PAUSES } from "../../src/qualify/sql-recovery/pauses.ts";
import { recoveryMsMax } from "../../src/qualify/sql-recovery/verdict.ts";
import { CLIENTS } from "./client-modules.ts";
import { installPrisma } from "./install-prisma.ts";
import { runMatrix } from "./matrix.ts";
import { startRecoveryServer } from "./recovery-server.ts";
import { pausesTable, recoveryTable, withTable } from "./recovery-table.ts";
import { WAYS } from "./ways.ts";

const PAGE = join(import.meta.dir, "../../docs/recovery.md");
/** Forty connections that all begin anew in the same moment; with more, their number is what is measured. Count. */
const clientsMax = 4;
/** After so long a query counts as hung. Milliseconds. */
const deadlineMs = 5000;

const { values } = parseArgs({
  options: {
    way: { type: "string", multiple: true, default: Object.keys(WAYS) },
    bun: { type: "string", multiple: true, default: [process.execPath] },
    write: { type: "boolean", default: false },
  },
});

await using server = await startRecoveryServer();
const prisma = await installPrisma();
if (typeof prisma === "string") console.log(`without Prisma: ${prisma}`);
const clients = typeof prisma === "string" ? CLIENTS : [...CLIENTS, prisma.client];
try {
  for (const bun of values.bun) {
    const version = Bun.spawnSync([bun, "--version"]).stdout.toString().trim();
    for (const name of values.way) {
      const open = WAYS[name];
      if (open === undefined) throw new Error(`--way is one of ${Object.keys(WAYS).join(", ")}`);
      console.log(`\n— ${name}, Bun ${version}`);
      await using way = await open(server);
      const { scene, databaseUrl } = way;
      const cells = await runMatrix({
        bun,
        clients,
        pauses: PAUSES,
        scene,
        databaseUrl,
        deadlineMs,
        recoveryMsMax,
        clientsMax,
        onCell({ client, pause, verdict }) {
          const errors = verdict.errors.map((error) => `\n    ${error.replace(/\s+/g, " ")}`);
          console.log(`${pause.padEnd(14)} ${client.padEnd(20)} ${verdict.text}${errors.join("")}`);
        },
      });
      const table = recoveryTable(PAUSES, cells);
      if (values.write) {
        const page = withTable(await Bun.file(PAGE).text(), "pauses", pausesTable(PAUSES));
        await Bun.write(PAGE, withTable(page, `${name} ${version}`, table));
      } else console.log(`\n${table}`);
    }
  }
} finally {
  if (typeof prisma !== "string") prisma[Symbol.dispose]();
}
