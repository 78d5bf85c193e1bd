/** What holds the processes of apps, as the admin API tells it; docs/sandbox.md says what it means. */
import { z } from "zod";
import { SANDBOX_LEVELS } from "../base/permissions.ts";

const level = z.enum(SANDBOX_LEVELS);

/** What this machine can hold processes with, and what follows for a version that names no level. */
export const sandboxMachine = z.object({
  /** Level of Landlock; 0: none. */
  landlock: z.int(),
  seccomp: z.boolean(),
  /** The node and its apps have one user id. */
  isUserShared: z.boolean(),
  defaultLevel: level,
  /** Why it is not `strict`, else null. */
  strictProblem: z.string().nullable(),
});

/** What one process was really given. */
export const givenSandbox = z.object({
  level,
  /** Level of Landlock that holds it; 0: none. */
  landlock: z.int(),
  /** TCP is held to the ports. */
  holdsTcp: z.boolean(),
  /** Signals and abstract unix sockets stay among its own processes. */
  holdsSignals: z.boolean(),
  /** A filter of system calls holds it. */
  filter: z.boolean(),
  uid: z.int(),
  gid: z.int(),
  /** No other process of the machine has that user id. */
  isOwnUser: z.boolean(),
  /** TCP ports that it may connect to; null: any. */
  connectPorts: z.array(z.int()).nullable(),
  /** It may bind TCP ports. */
  listen: z.boolean(),
  udp: z.boolean(),
  /** Files and folders beside those of the system: `app`, `runner`, or a path; null: any that its user may. */
  read: z.array(z.string()).nullable(),
  /** Folders: `home`, `tmp`, `io` (its socket), or a path; null: any that its user may. */
  write: z.array(z.string()).nullable(),
  /** What it could not be held to, and why; a sentence each. */
  notHeld: z.array(z.string()),
  /** By the kernel's own names; null: any. Empty when the process has just ended. */
  rlimits: z.array(
    z.object({
      name: z.string(),
      soft: z.number().nullable(),
      hard: z.number().nullable(),
      unit: z.string(),
    }),
  ),
  /** What its control group holds it to, of that null what it does not; null without a group. */
  cgroup: z
    .object({
      memoryBytesMax: z.number().nullable(),
      cpuCoresMax: z.number().nullable(),
      processesMax: z.number().nullable(),
    })
    .nullable(),
});
