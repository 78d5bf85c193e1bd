/**
 * The relay of a node: started with the first database, and its port known before that, since the processes of apps are
 * given the right to connect to it when they start.
 */
import type { Relay, RelayCertificate, RelayFacts } from "./relay/relay-api.ts";

/** One in this process has no `pid`. */
type StartedRelay = Relay & { readonly pid?: number | null };

export class RelayOnDemand {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly #start: (port: number) => Promise<StartedRelay>;
  #relay: Promise<Relay> | null = null;
  #running: StartedRelay | null = null;

  /** @param port 0 = any that is free now */
  constructor(port: number, start: (port: number) => Promise<StartedRelay>) {
    this.port = port === 0 ? freePort() : port;
    this.#start = start;
  }

  /** The one there is, or a new one. @throws whatever keeps it from starting; the next call tries again */
  started(): Promise<Relay> {
    this.#relay ??= this.#start(this.port).then(
      (relay) => {
        this.#running = relay;
        return relay;
      },
      (error) => {
        this.#relay = null;
        throw error;
      },
    );
    return this.#relay;
  }

  /** Null while there is none. */
  facts(): Promise<RelayFacts> | null {
    return this.#running?.facts() ?? null;
  }

  /** Of its process; null while there is none of its own. */
  get pid(): number | null {
    return this.#running?.pid ?? null;
  }

  /** One that is started later has to be given it then. */
  async renewTls(tls: RelayCertificate): Promise<void> {
    const relay = await this.#relay?.catch(() => null);
    await relay?.renewTls(tls);
  }

  async stop(): Promise<void> {
    const relay = await this.#relay?.catch(() => null);
    await relay?.stop();
  }
}

/** Nobody has it now; whoever takes it before we do is met as a port in use. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
