/**
 * How the embedded PostgreSQL is set up. Given on the command line and not in `postgresql.conf`, so that they are those
 * of this Levain, whichever one made the cluster, and so that no edit can switch off what durability needs.
 */
import {
  postgresConnectionBytes,
  postgresConnectionsMax,
  postgresConnectionsMin,
  postgresReservedConnections,
  postgresSharedBuffersBytesMax,
  postgresSharedBuffersBytesMin,
  postgresTemporaryBytesMax,
  postgresWalBytesMax,
} from "./limits.ts";

/** Superuser of the cluster and owner of the store's database. */
export const databaseUser = "levain";
/** Database of the store. */
export const databaseName = "levain";

/** Arguments of `initdb` for a new cluster in `data`. */
export function initArguments(data: string, passwordFile: string): string[] {
  return [
    `--pgdata=${data}`,
    `--username=${databaseUser}`,
    `--pwfile=${passwordFile}`,
    // Without root all apps share the user of the node and can reach the socket: the folder alone is no protection.
    "--auth=scram-sha-256",
    // Stretching protects passwords that people choose. This one has 256 random bits, and every connection would pay.
    "--set=scram_iterations=1",
    "--encoding=UTF8",
    // Part of PostgreSQL: the order of texts never changes with the machine's libc or ICU, which would break indexes.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    // Segments of the log of changes, in megabytes. The first is there from the start: the default takes 16.
    "--wal-segsize=4",
    "--no-instructions",
  ];
}

/** What the server may have of the machine. */
export interface ServerSizing {
  /** Sessions at once, those of the node included. Count. */
  connectionsMax: number;
  /** Page cache that all of them share; what is not used takes nothing. */
  sharedBuffersBytes: number;
}

/** @param memoryBytes what the node and all it runs may use together. Pure. */
export function serverSizing(memoryBytes: number): ServerSizing {
  const within = (value: number, least: number, most: number) =>
    Math.min(most, Math.max(least, Math.floor(value)));
  const mebibyte = 1024 * 1024;
  return {
    connectionsMax: within(
      memoryBytes / postgresConnectionBytes,
      postgresConnectionsMin,
      postgresConnectionsMax,
    ),
    // A thirty-second part: the system caches files too, and apps are what the memory is for.
    sharedBuffersBytes:
      within(
        memoryBytes / 32 / mebibyte,
        postgresSharedBuffersBytesMin / mebibyte,
        postgresSharedBuffersBytesMax / mebibyte,
      ) * mebibyte,
  };
}

/**
 * Arguments of `postgres` for the cluster in `data` with its socket in `socketFolder`.
 *
 * @param others settings that go before ours
 */
export function serverArguments(
  data: string,
  socketFolder: string,
  { connectionsMax, sharedBuffersBytes }: ServerSizing,
  others: Readonly<Record<string, string>> = {},
): string[] {
  const sized = {
    max_connections: String(connectionsMax),
    shared_buffers: kilobytes(sharedBuffersBytes),
  };
  const settings = Object.entries({ ...serverSettings, ...sized, ...others }).flatMap(
    ([name, value]) => ["-c", `${name}=${value}`],
  );
  return ["-D", data, "-k", socketFolder, ...settings];
}

/**
 * Who may log in to what, as `pg_hba.conf` says it; written before each start. Sockets only: the server listens on nothing
 * else. A role of a branch gets to no database of the node's own, whatever rights somebody may have given it there.
 */
export const accessRules = `# Written by Levain at each start; do not edit.
local  replication                          ${databaseUser}  scram-sha-256
local  all                                  ${databaseUser}  scram-sha-256
local  ${databaseName},postgres,template0,template1  all     reject
local  all                                  all     scram-sha-256
`;

const serverSettings: Record<string, string> = {
  // Nobody but this machine: no TCP at all, and a socket that only the folder's owner can reach.
  listen_addresses: "",
  unix_socket_permissions: "0700",

  // Durable: what a command answered survives a power cut.
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",

  // The node gets in however many sessions apps have.
  superuser_reserved_connections: String(postgresReservedConnections),
  max_wal_size: kilobytes(postgresWalBytesMax),
  temp_file_limit: kilobytes(postgresTemporaryBytesMax),
  // The default keeps 80 MB of disk for bursts that do not come.
  min_wal_size: "16MB",
  // Reads happen in the sessions themselves; the default starts three more processes for them.
  io_method: "sync",
  // No replicas, but base backups: one sender reads the files, and there is one more for a try beside it.
  wal_level: "replica",
  max_wal_senders: "2",
  max_logical_replication_workers: "0",
  // No query here is large enough to be worth more processes or a compiler.
  max_parallel_workers_per_gather: "0",
  max_parallel_maintenance_workers: "0",
  jit: "off",
  autovacuum_worker_slots: "4",
  autovacuum_max_workers: "2",
  huge_pages: "off",
  // systemd removes an ordinary user's shared memory when that user logs out; files in the cluster stay.
  dynamic_shared_memory_type: "mmap",

  // Times are UTC everywhere in Levain; the log holds what somebody should look at.
  timezone: "UTC",
  log_timezone: "UTC",
  log_line_prefix: "%m [%p] %q%d ",
  log_checkpoints: "off",
  logging_collector: "off",
  log_destination: "stderr",
  // Apps are told of their errors themselves; what they sent, and whose row it was about, is no affair of this log.
  log_min_error_statement: "panic",
  log_error_verbosity: "terse",
  // Seen in `ps`: `postgres: levain: …`.
  cluster_name: "levain",
};

function kilobytes(bytes: number): string {
  return `${bytes / 1024}kB`;
}
