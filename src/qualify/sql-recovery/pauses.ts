/**
 * What can happen to an app's connections while it sleeps. Each is made for all apps of a scene at once: they have
 * connected, are frozen, then `during` runs, then they wake.
 */
import type { ServerPath } from "./server-path.ts";

/** A PostgreSQL server that things may be done to. */
export interface RecoveryServer {
  /** Runs statements as a superuser, on a connection of its own. */
  sql(text: string): Promise<Record<string, unknown>[]>;
  /** Stops it in the ordinary way and starts it again. Resolves when it answers. */
  restart(): Promise<void>;
  /** Kills it and starts it again. Resolves when it answers. */
  crash(): Promise<void>;
}

export interface Scene {
  server: RecoveryServer;
  /** The way to the server. */
  path: ServerPath;
  /** Role that the connections belong to; made of letters, digits and `_`. */
  role: string;
}

export interface Pause {
  name: PauseName;
  /** What happens, for the reader of a table. */
  summary: string;
  /** By how much the apps' clocks jump before they are frozen. Milliseconds. */
  clockJumpMs?: number;
  /** Before the apps connect. */
  before?(scene: Scene): Promise<unknown>;
  during?(scene: Scene): Promise<unknown>;
  /** When the apps have been asked. */
  after?(scene: Scene): Promise<unknown>;
}

export type PauseName =
  | "frozen"
  | "idle"
  | "restarted"
  | "crashed"
  | "terminated"
  | "reset"
  | "swallowed"
  | "stopped"
  | "clock-forward"
  | "clock-back";

/** How long an app is frozen by the pause of that name. Milliseconds. */
const frozenMs = 10_000;
/** After so long the server ends idle sessions, in the place of five minutes. Milliseconds. */
const idleSessionMs = 1500;
/** How long the server's sessions may take to be gone. Milliseconds. */
const goneTimeoutMs = 20_000;

const hourMs = 3_600_000;

export const PAUSES: readonly Pause[] = [
  {
    name: "frozen",
    summary: "the app stands still for 10 s, nothing else happens",
    during: () => Bun.sleep(frozenMs),
  },
  {
    name: "idle",
    summary: "the server ends sessions that are idle too long (5 min, told to the server as 1.5 s)",
    before: async (scene) => {
      const { server, role } = scene;
      await server.sql(`ALTER ROLE ${role} SET idle_session_timeout = '${idleSessionMs}ms'`);
      // Sessions that somebody keeps for others were told nothing of it.
      await terminated(scene);
    },
    during: (scene) => withoutSessions(scene),
    after: ({ server, role }) => server.sql(`ALTER ROLE ${role} RESET idle_session_timeout`),
  },
  {
    name: "restarted",
    summary: "the server is stopped and started again",
    during: ({ server }) => server.restart(),
  },
  {
    name: "crashed",
    summary: "the server is killed and recovers",
    during: ({ server }) => server.crash(),
  },
  {
    name: "terminated",
    summary: "all its sessions at the server are terminated",
    during: (scene) => terminated(scene),
  },
  {
    name: "reset",
    summary: "all its connections are reset (RST)",
    during: async ({ path }) => path.reset(),
  },
  {
    name: "swallowed",
    summary: "its connections are forgotten on the way: bytes vanish, no FIN, no RST",
    during: async ({ path }) => path.swallow(),
  },
  {
    name: "stopped",
    summary: "the server's processes for its connections stand still (SIGSTOP)",
    during: (scene) => signalSessions(scene, "SIGSTOP"),
    after: (scene) => signalSessions(scene, "SIGCONT"),
  },
  {
    name: "clock-forward",
    summary: "the app's clock is set an hour forward",
    clockJumpMs: hourMs,
  },
  {
    name: "clock-back",
    summary: "the app's clock is set an hour back",
    clockJumpMs: -hourMs,
  },
];

/** Pids of the role's sessions. */
async function sessionsOf({ server, role }: Scene): Promise<number[]> {
  const rows = await server.sql(`SELECT pid FROM pg_stat_activity WHERE usename = '${role}'`);
  return rows.map(({ pid }) => Number(pid));
}

/** Ends the sessions there are. Resolves when they are gone; others may have come. */
async function terminated(scene: Scene): Promise<void> {
  const pids = await sessionsOf(scene);
  if (pids.length === 0) return;
  const list = pids.join(", ");
  const { server } = scene;
  await server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN (${list})`);
  await gone(async () => {
    const left = await server.sql(`SELECT 1 FROM pg_stat_activity WHERE pid IN (${list})`);
    return left.length === 0;
  });
}

function withoutSessions(scene: Scene): Promise<void> {
  return gone(async () => (await sessionsOf(scene)).length === 0);
}

async function gone(areGone: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + goneTimeoutMs;
  while (!(await areGone())) {
    if (performance.now() > endMs) throw new Error("sessions at the server do not end");
    await Bun.sleep(20);
  }
}

async function signalSessions(scene: Scene, signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
  for (const pid of await sessionsOf(scene)) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended.
    }
  }
}
