/** PgBouncer in front of a PostgreSQL, as a peer of the relay. */
import { chmodSync, chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, listens } from "./peer-port.ts";

/** Debian installs it where ordinary users do not look. */
const programs = ["pgbouncer", "/usr/sbin/pgbouncer"];
/** It refuses to run as root. */
const nobody = 65_534;
/** How long it may take to end before it is killed. Milliseconds. */
const stopTimeoutMs = 3000;

export interface PgBouncerOptions {
  server: { host: string; port: number; user: string; password: string; database: string };
  pooling: "session" | "transaction";
  connectionsMax: number;
  /** More lines of its configuration. */
  settings?: readonly string[];
}

export interface PgBouncer extends AsyncDisposable {
  port: number;
  pid: number;
  /** `1.18.0` */
  version: string;
}

/** Path of the program, or null where it is not installed. */
export function pgBouncerProgram(): string | null {
  return programs.map((name) => Bun.which(name)).find((path) => path !== null) ?? null;
}

/** Says loudly that a comparison is left out. */
export const pgBouncerMissing = "missing: PgBouncer is not installed (apt-get install pgbouncer)";

/** Starts one on a free port of the loopback interface. @throws when it is not installed or does not listen */
export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  const program = pgBouncerProgram();
  if (program === null) throw new Error(pgBouncerMissing);
  const folder = mkdtempSync(join(tmpdir(), "levain-pgbouncer-"));
  const port = freePort();
  const config = join(folder, "pgbouncer.ini");
  await Bun.write(config, configuration(options, port, folder));
  const { user, password } = options.server;
  await Bun.write(join(folder, "users.txt"), `"${user}" "${password}"\n`);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    chmodSync(folder, 0o755);
    chownSync(folder, nobody, nobody);
  }
  const child = Bun.spawn([program, "-q", config], {
    stdio: ["ignore", "ignore", "ignore"],
    ...(isRoot ? { uid: nobody, gid: nobody } : {}),
  });
  const stop = async () => {
    child.kill("SIGINT");
    const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await child.exited;
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await listens(port);
  } catch (error) {
    const log = await Bun.file(join(folder, "log"))
      .text()
      .catch(() => "");
    await stop();
    throw new Error(`PgBouncer does not listen: ${log}`, { cause: error });
  }
  return { port, pid: child.pid, version: versionOf(program), [Symbol.asyncDispose]: stop };
}

function configuration(options: PgBouncerOptions, port: number, folder: string): string {
  const { server, pooling, connectionsMax, settings = [] } = options;
  const { host, user, password, database } = server;
  return `[databases]
${database} = host=${host} port=${server.port} user=${user} password=${password} dbname=${database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${folder}/users.txt
logfile = ${folder}/log
pidfile = ${folder}/pid
pool_mode = ${pooling}
default_pool_size = ${connectionsMax}
max_client_conn = 1000
log_connections = 0
log_disconnections = 0
log_pooler_errors = 1
ignore_startup_parameters = extra_float_digits
${settings.join("\n")}
`;
}

function versionOf(program: string): string {
  const { stdout } = Bun.spawnSync([program, "--version"]);
  return /PgBouncer (\S+)/.exec(stdout.toString())?.[1] ?? "of unknown version";
}
