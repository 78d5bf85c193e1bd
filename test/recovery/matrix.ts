/**
 * Every client library through every pause, on one Bun and one way to the server.
 *
 * Clients run at the same time, in groups that the server has connections for.
 */
import { ClientProcess } from "../../src/qualify/sql-recovery/client-process.ts";
import type { Pause, Scene } from "../../src/qualify/sql-recovery/pauses.ts";
import { recover } from "../../src/qualify/sql-recovery/recovery.ts";
import { judge, type RecoveryVerdict } from "../../src/qualify/sql-recovery/verdict.ts";
import type { ClientModule } from "./client-modules.ts";

/** Connections of a client at the server: those of its pool, and as many that are lost and not known to be. Count. */
const connectionsPerClient = 20;
/** Connections of the server that others need. Count. */
const connectionsKept = 10;

export interface MatrixOptions {
  /** Path of the Bun that runs the clients. */
  bun: string;
  clients: readonly ClientModule[];
  pauses: readonly Pause[];
  scene: Scene;
  databaseUrl: string;
  /** After so long a query counts as hung. Milliseconds. */
  deadlineMs: number;
  /** How long the first query after a pause may take. Milliseconds. */
  recoveryMsMax: number;
  /** Clients at once. Count. Default: as many as the server has connections for. */
  clientsMax?: number;
  onCell(cell: MatrixCell): void;
}

export interface MatrixCell {
  client: string;
  pause: string;
  verdict: RecoveryVerdict;
}

export async function runMatrix(options: MatrixOptions): Promise<MatrixCell[]> {
  const { bun, clients, pauses, scene, databaseUrl, deadlineMs, recoveryMsMax } = options;
  const cells: MatrixCell[] = [];
  const [row] = await scene.server.sql("SHOW max_connections");
  const connectionsMax = Number(row!["max_connections"]) - connectionsKept;
  const clientsMax = Math.min(
    options.clientsMax ?? clients.length,
    Math.max(1, Math.floor(connectionsMax / connectionsPerClient)),
  );
  for (const pause of pauses) {
    for (let index = 0; index < clients.length; index += clientsMax) {
      const group = clients.slice(index, index + clientsMax);
      const start = () =>
        Promise.all(
          group.map(({ path }) => ClientProcess.start({ bun, module: path, databaseUrl })),
        );
      const recoveries = await recover({ pause, scene, start, deadlineMs });
      for (const [at, recovery] of recoveries.entries()) {
        const verdict = judge(recovery, recoveryMsMax);
        const cell = { client: group[at]!.name, pause: pause.name, verdict };
        cells.push(cell);
        options.onCell(cell);
      }
    }
  }
  return cells;
}
