/**
 * What became of each deploy, for as long as it is kept.
 *
 *   running ──finish──▶ succeeded | failed
 *      └───its node ended──▶ interrupted ──finish──▶ succeeded | failed
 *
 * The last arrow is for several nodes on one database: a node that starts calls what it finds running interrupted, and a
 * deploy that was running on another node all the same ends as what it was.
 */
import type { ErrorBody } from "../base/errors.ts";
import type { Queries } from "./database.ts";
import { deployErrorBytesMax, deploysKeptInAllMax, deploysKeptMax } from "./limits.ts";

export interface StartDeployInput {
  app: string;
  branch: string;
  message: string | null;
  /** Git commit of the source. */
  commit: string | null;
}

export type DeployOutcome =
  | { state: "succeeded"; version: number }
  | { state: "failed"; error: ErrorBody };

export interface StoredDeploy {
  id: number;
  app: string;
  branch: string;
  state: "running" | "succeeded" | "failed" | "interrupted";
  /** What it made, when it succeeded. */
  version: number | null;
  /** Why it failed. */
  error: ErrorBody | null;
  message: string | null;
  commit: string | null;
  /** Wall-clock milliseconds. */
  startedAtMs: number;
  /** Wall-clock milliseconds, or null while it runs. */
  endedAtMs: number | null;
}

/** @returns its id */
export async function startDeploy(
  queries: Queries,
  { app, branch, message, commit }: StartDeployInput,
  atMs: number,
): Promise<number> {
  const [row] = await queries.rows<{ id: number }>(
    `INSERT INTO levain.deploys (app, branch, state, message, commit, started_at_ms)
     VALUES ($1, $2, 'running', $3, $4, $5) RETURNING id`,
    [app, branch, message, commit, atMs],
  );
  const id = row?.id ?? 0;
  await queries.run(
    `DELETE FROM levain.deploys WHERE state <> 'running' AND (id <= $1 OR app = $2 AND id <= (
       SELECT id FROM levain.deploys WHERE app = $2 ORDER BY id DESC OFFSET $3 LIMIT 1))`,
    [id - deploysKeptInAllMax, app, deploysKeptMax],
  );
  return id;
}

/** Does nothing when the deploy is not kept any more. */
export async function finishDeploy(
  queries: Queries,
  id: number,
  outcome: DeployOutcome,
  atMs: number,
): Promise<void> {
  const version = outcome.state === "succeeded" ? outcome.version : null;
  const error = outcome.state === "failed" ? JSON.stringify(bounded(outcome.error)) : null;
  await queries.run(
    `UPDATE levain.deploys SET state = $2, version = $3, error = $4, ended_at_ms = $5 WHERE id = $1`,
    [id, outcome.state, version, error, atMs],
  );
}

/** Calls every running deploy interrupted. @returns how many. Count. */
export async function interruptDeploys(queries: Queries, atMs: number): Promise<number> {
  return queries.run(
    `UPDATE levain.deploys SET state = 'interrupted', ended_at_ms = $1 WHERE state = 'running'`,
    [atMs],
  );
}

/** Newest first; empty for an app that nobody tried to deploy. */
export async function deploys(
  queries: Queries,
  app: string,
  limit: number,
): Promise<StoredDeploy[]> {
  return queries.rows<StoredDeploy>(
    `SELECT id, app, branch, state, version, error, message, commit,
       started_at_ms AS "startedAtMs", ended_at_ms AS "endedAtMs"
     FROM levain.deploys WHERE app = $1 ORDER BY id DESC LIMIT $2`,
    [app, Math.min(limit, deploysKeptMax)],
  );
}

/** Evidence such as log lines is worth keeping, but not at any size. */
function bounded(error: ErrorBody): ErrorBody {
  if (Buffer.byteLength(JSON.stringify(error)) <= deployErrorBytesMax) return error;
  const { detail: _, ...rest } = error;
  return rest;
}
