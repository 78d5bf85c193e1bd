/** Lets client processes live through a pause, and says how they came out of it. */
import type { ClientProcess } from "./client-process.ts";
import type { Pause, Scene } from "./pauses.ts";
import type { QueryOutcome } from "./recovery-client.ts";

/** How long each query stays at the server. Milliseconds. */
const holdMs = 50;
/** After so long the timer of a frozen app is due; until then it has to be frozen. Milliseconds. */
const armMs = 1000;

/** One client and one pause. */
export interface Recovery {
  /** Connections of its pool. Count. */
  connections: number;
  /** The first query of each connection after the pause. Null when the process ended. */
  first: QueryOutcome[] | null;
  /** The second. */
  second: QueryOutcome[] | null;
}

export interface RecoverOptions {
  pause: Pause;
  scene: Scene;
  /** Starts the clients; called when the pause has prepared the scene. They are stopped here. */
  start(): Promise<ClientProcess[]>;
  /** After so long a query counts as hung. Milliseconds. */
  deadlineMs: number;
}

/**
 * Makes one pause for all clients at once.
 *
 * @returns one for each client, in their order
 * @throws when a client does not work before the pause
 */
export async function recover(options: RecoverOptions): Promise<Recovery[]> {
  const { pause, scene, deadlineMs } = options;
  await pause.before?.(scene);
  const clients = await options.start();
  try {
    await Promise.all(clients.map((client) => connectAll(client, deadlineMs)));
    const { clockJumpMs } = pause;
    if (clockJumpMs !== undefined)
      await Promise.all(clients.map((client) => client.jumpClock(clockJumpMs)));

    const round = { holdMs, deadlineMs };
    await Promise.all(clients.map((client) => client.arm(round, armMs)));
    const frozenAtMs = Date.now();
    for (const client of clients) client.freeze();
    await Promise.all([pause.during?.(scene), Bun.sleep(armMs)]);
    for (const client of clients) client.wake();

    return await Promise.all(
      clients.map(async (client) => {
        const armed = await client.armed(round);
        if (armed !== null && armed.ranAtMs < frozenAtMs)
          throw new Error(`not frozen within ${armMs} ms`);
        const second = armed === null ? null : await client.round(round);
        return { connections: client.connectionsMax, first: armed?.outcomes ?? null, second };
      }),
    );
  } finally {
    await pause.after?.(scene);
    await Promise.all(clients.map((client) => client.stop()));
  }
}

/** The first round opens the pool's connections, the second shows that all of them work. */
async function connectAll(client: ClientProcess, deadlineMs: number): Promise<void> {
  for (const _ of ["open", "use"]) {
    const outcomes = await client.round({ holdMs, deadlineMs: deadlineMs * 2 });
    const bad = outcomes?.find(({ kind }) => kind !== "ok");
    if (outcomes === null || bad !== undefined) {
      throw new Error(`before the pause: ${bad?.error ?? bad?.kind ?? "ended"}: ${client.output}`);
    }
  }
}
