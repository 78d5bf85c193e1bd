/**
 * The admin port where others get to it: the relay in front, the listener behind it on a unix socket of its own, and the
 * certificate, which is read again when its files change.
 */
import { join } from "node:path";
import type { Server } from "bun";
import { PlatformError } from "../base/errors.ts";
import { closeListener, type Fetch, listenUnix } from "./admin-listeners.ts";
import { AdminRelay, type RelayBounds, relayHeader } from "./admin-relay.ts";
import type { CertificateFiles } from "./certificate.ts";
import { bindError } from "./node-config.ts";
import { WatchedCertificate } from "./watched-certificate.ts";

export interface AdminRemoteOptions {
  hostname: string;
  /** 0 takes a free one. */
  port: number;
  /** Null: without TLS. */
  tls: CertificateFiles | null;
  dataDir: string;
  /** A line for the node's log. */
  note(line: string): void;
  bounds?: Partial<RelayBounds>;
  /** Default `tlsLookMs`. */
  lookMs?: number;
}

export class AdminRemote {
  readonly #relay: AdminRelay;
  readonly #socketPath: string;
  readonly #certificate: WatchedCertificate | null;
  #server: Server<undefined> | null = null;

  /** @throws {PlatformError} `ADMIN_TLS_UNUSABLE`, `PORT_IN_USE`, `PORT_FORBIDDEN`, `NODE_CONFIG_INVALID` */
  constructor(options: AdminRemoteOptions) {
    const { hostname, port, tls, dataDir, note, bounds, lookMs } = options;
    this.#certificate =
      tls === null
        ? null
        : new WatchedCertificate({
            files: tls,
            purpose: "admin API",
            problem: "ADMIN_TLS_UNUSABLE",
            note,
            onRenewed: (renewed) => this.#relay.renew(renewed),
            lookMs,
          });
    this.#socketPath = join(dataDir, "admin-relay.sock");
    try {
      this.#relay = new AdminRelay({
        hostname,
        port,
        tls: this.#certificate?.current ?? null,
        socketPath: this.#socketPath,
        ...(bounds === undefined ? {} : { bounds }),
      });
    } catch (error) {
      this.#certificate?.close();
      throw bindError(error, "adminPort", port);
    }
  }

  get port(): number {
    return this.#relay.port;
  }

  get isCertified(): ((host: string) => boolean) | null {
    return this.#certificate?.current.isFor ?? null;
  }

  /** Answers what comes through. @throws {PlatformError} `DATA_DIR_UNUSABLE` */
  async serve(fetch: Fetch): Promise<void> {
    this.#server = listenUnix(this.#socketPath, async (request, server) => {
      const response = await fetch(request, server);
      // There is no second request, and the client had better know.
      response.headers.set("connection", "close");
      return response;
    });
  }

  /** @throws {PlatformError} `ENDPOINT_UNKNOWN` for a request that did not come through the relay, or the second of its connection */
  addressOf(request: Request): string {
    const address = this.#relay.addressOf(request.headers.get(relayHeader));
    if (address !== null) return address;
    throw new PlatformError("ENDPOINT_UNKNOWN", [request.method, "behind another request"]);
  }

  /** Waits for open answers, then ends what is left. */
  async close(): Promise<void> {
    this.#certificate?.close();
    this.#relay.stopAccepting();
    if (this.#server !== null) await closeListener(this.#server);
    this.#relay.close();
  }
}
