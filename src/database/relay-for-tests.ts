/** A relay that has no clients: it keeps what it is told, and a hold is had at once. Tests connect to PostgreSQL themselves. */
import type { Hold, Relay, RelayDatabase } from "../relay/relay-api.ts";

export class RelayForTests implements Relay {
  readonly port = 4002;
  readonly databases = new Map<string, RelayDatabase>();
  /** Held now. */
  readonly held = new Set<string>();
  /** What a hold waits for; tests put something in its place. */
  onHold: (name: string) => Promise<void> = async () => {};

  async put(database: RelayDatabase): Promise<void> {
    this.databases.set(database.name, database);
  }

  async remove(name: string): Promise<void> {
    this.databases.delete(name);
  }

  async hold(name: string): Promise<Hold> {
    await this.onHold(name);
    this.held.add(name);
    return { waitedMs: 0, sessions: 0, release: async () => this.held.delete(name) };
  }

  async facts() {
    return { strangers: 0, databases: [] };
  }

  async renewTls(): Promise<void> {}

  async stop(): Promise<void> {}
}
