/**
 * The user that PostgreSQL runs as. It refuses to run as root, so a root node gives it a user of its own, which also
 * keeps the store's files apart from everything else on the machine. Any other node runs it as itself.
 */
import { invariant, PlatformError } from "../base/errors.ts";
import { systemCommandTimeoutMs } from "./limits.ts";
import { type CommandResult, runCommand } from "./system-command.ts";

/** Added to the system when the node is root and nobody chose another one. */
const defaultPostgresUser = "levain-postgres";

export interface PostgresUser {
  name: string;
  uid: number;
  gid: number;
  /** True when it is not the user of this process, so that files have to be handed over. */
  isOther: boolean;
}

/** What the rest of the machine says; passed in so that tests need no second machine. */
export interface UserSystem {
  uid: number;
  run(command: readonly string[]): Promise<CommandResult>;
}

const thisSystem: UserSystem = {
  uid: process.getuid?.() ?? -1,
  run: (command) => runCommand(command, { timeoutMs: systemCommandTimeoutMs }),
};

/**
 * Finds the user, adding it when the node is root and it does not exist.
 *
 * @param name another user than `levain-postgres`; only root can choose
 * @throws {PlatformError} `POSTGRES_USER_MISSING`; `POSTGRES_START_FAILED` when the choice cannot work
 */
export async function findPostgresUser(
  name: string | undefined,
  system: UserSystem = thisSystem,
): Promise<PostgresUser> {
  if (system.uid !== 0) return ownUser(name, system);

  const wanted = name ?? defaultPostgresUser;
  const found = (await lookUp(wanted, system)) ?? (await add(wanted, system));
  if (found.uid === 0) {
    throw new PlatformError("POSTGRES_START_FAILED", [`it refuses to run as user "${wanted}"`]);
  }
  return { ...found, isOther: true };
}

/** Without root there is no choice; initdb asks the system for a name of this uid. */
async function ownUser(name: string | undefined, system: UserSystem): Promise<PostgresUser> {
  const found = await lookUp(String(system.uid), system);
  if (found === null) {
    throw new PlatformError("POSTGRES_START_FAILED", [
      `user id ${system.uid} has no name on this machine, and initdb needs one (add a line to /etc/passwd)`,
    ]);
  }
  if (name !== undefined && name !== found.name) {
    throw new PlatformError("POSTGRES_START_FAILED", [
      `only a node that runs as root can run it as user "${name}"; this one runs as "${found.name}"`,
    ]);
  }
  return { ...found, isOther: false };
}

type Entry = Omit<PostgresUser, "isOther">;

async function lookUp(nameOrUid: string, system: UserSystem): Promise<Entry | null> {
  const { exitCode, stdout } = await system.run(["getent", "passwd", nameOrUid]);
  if (exitCode !== 0) return null;
  const [name = "", , uid = "", gid = ""] = stdout.trim().split(":");
  invariant(/^\d+$/.test(uid) && /^\d+$/.test(gid), "getent prints a passwd line");
  return { name, uid: Number(uid), gid: Number(gid) };
}

async function add(name: string, system: UserSystem): Promise<Entry> {
  const added = await system.run([
    "useradd",
    "--system",
    "--user-group",
    "--no-create-home",
    "--home-dir=/nonexistent",
    "--shell=/usr/sbin/nologin",
    "--comment=PostgreSQL of Levain",
    "--",
    name,
  ]);
  // Looked up even after a failure: another node may have added it in the meantime.
  const found = await lookUp(name, system);
  if (found !== null) return found;
  throw new PlatformError("POSTGRES_USER_MISSING", [name], {
    cause: new Error(added.stderr.trim() || `useradd ended with ${added.exitCode}`),
  });
}
