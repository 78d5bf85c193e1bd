/** What of `pg`'s client is used below its documented surface: in one place, for whoever takes a new release of it. */
import type pg from "pg";

interface AnyConnection {
  stream: { destroy(): void };
}

/** The connection of a client, as the caller knows it. */
export function connectionOf<Connection extends AnyConnection = AnyConnection>(
  client: pg.Client,
): Connection {
  return (client as unknown as { connection: Connection }).connection;
}

/** Of the server's process for a client that is connected. */
export function backendPidOf(client: pg.Client): number {
  return (client as unknown as { processID: number }).processID;
}

/**
 * Drops a client's connection, whatever it is doing: in the middle of a COPY the server would not answer to a polite end.
 * Resolves when the client knows. Never throws.
 */
export async function dropClient(client: pg.Client): Promise<void> {
  connectionOf(client).stream.destroy();
  await client.end().catch(() => {});
}
