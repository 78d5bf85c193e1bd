/** What the databases of a node work with. */
import type { Clock } from "../base/clock.ts";
import type { Relay } from "../relay/relay-api.ts";
import type { Keyring } from "../secrets/keyring.ts";
import type { StoredApp } from "../store/apps.ts";
import type { BranchDatabases } from "../store/branch-databases.ts";
import type { BranchLabel } from "../store/branches.ts";
import type { LogSink } from "../telemetry/log-record.ts";
import type { PreviewBounds } from "./ensure-rules.ts";
import type { Server } from "./server.ts";

export interface DatabasesOptions {
  /** `databases.json`. */
  file: string;
  server: Server;
  rows(): BranchDatabases;
  apps(): Promise<StoredApp[]>;
  branchLabel(app: string): BranchLabel;
  /** Started when it is needed first. */
  relay(): Promise<Relay>;
  /** Where the relay listens, or will. */
  port(): number;
  keyring: Pick<Keyring, "seal" | "unseal" | "hold" | "isCurrent">;
  clock: Clock;
  log: LogSink;
  /** The branch stays, without it. */
  onDropped?(app: string, branch: string): void;
  bounds: PreviewBounds;
}
