/**
 * What all runner processes of a node share in how they are held: the kernel's abilities, the users they may have, and
 * what the operator allows.
 */
import type { SandboxLevel } from "../base/permissions.ts";
import type { AppUsers } from "../sandbox/app-users.ts";
import { kernelSupport } from "../sandbox/kernel-support.ts";
import type { ProfileRules } from "./profile.ts";

export interface RunnerSandboxOptions {
  /** Null: processes run as the node's user. */
  users: AppUsers | null;
  /** See `ProfileRules`. Default `relaxed`. */
  sandboxMin?: SandboxLevel;
  /** See `ProfileRules`. Default none. */
  writeRoots?: readonly string[];
  /** Port on this machine that every app may connect to, behind which a password is asked for. Default: none. */
  databasePort?: number | null;
}

export class RunnerSandbox implements ProfileRules {
  readonly kernel = kernelSupport();
  readonly users: AppUsers | null;
  readonly sandboxMin: SandboxLevel;
  readonly writeRoots: readonly string[];
  readonly databasePort: number | null;

  constructor({
    users,
    sandboxMin = "relaxed",
    writeRoots = [],
    databasePort = null,
  }: RunnerSandboxOptions) {
    this.users = users;
    this.sandboxMin = sandboxMin;
    this.writeRoots = writeRoots;
    this.databasePort = databasePort;
  }

  get isUserShared(): boolean {
    return this.users === null;
  }
}
