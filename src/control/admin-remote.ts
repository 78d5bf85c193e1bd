/**
 * The admin port where others get to it: the relay in front, the listener behind it on a unix socket of its own, and the
 * certificate, which is read again when its files change.
 */
import { join } from "node:path";
import type { Server } from "bun";
import { messageOf, PlatformError } from "../base/errors.ts";
import {
  type AdminCertificate,
  type CertificateFiles,
  readCertificate,
  stampOf,
} from "./admin-certificate.ts";
import { closeListener, type Fetch, listenUnix } from "./admin-listeners.ts";
import { AdminRelay, type RelayBounds, relayHeader } from "./admin-relay.ts";
import { adminTlsLookMs } from "./limits.ts";
import { bindError } from "./node-config.ts";

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
  /** Default `adminTlsLookMs`. */
  lookMs?: number;
}

export class AdminRemote {
  readonly #options: AdminRemoteOptions;
  readonly #relay: AdminRelay;
  readonly #socketPath: string;
  #certificate: AdminCertificate | null;
  /** Files that could not be used, so that it is said once. */
  #refusedStamp = "";
  #server: Server<undefined> | null = null;
  readonly #timer: ReturnType<typeof setInterval>;

  /** @throws {PlatformError} `ADMIN_TLS_UNUSABLE`, `PORT_IN_USE`, `PORT_FORBIDDEN`, `NODE_CONFIG_INVALID` */
  constructor(options: AdminRemoteOptions) {
    const { hostname, port, tls, dataDir, bounds, lookMs = adminTlsLookMs } = options;
    this.#options = options;
    this.#certificate = tls === null ? null : readCertificate(tls);
    this.#socketPath = join(dataDir, "admin-relay.sock");
    try {
      this.#relay = new AdminRelay({
        hostname,
        port,
        tls: this.#certificate,
        socketPath: this.#socketPath,
        ...(bounds === undefined ? {} : { bounds }),
      });
    } catch (error) {
      throw bindError(error, "adminPort", port);
    }
    this.#timer = setInterval(() => this.#lookAtFiles(), lookMs);
    this.#timer.unref();
  }

  get port(): number {
    return this.#relay.port;
  }

  get isCertified(): ((host: string) => boolean) | null {
    return this.#certificate?.isFor ?? null;
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
    clearInterval(this.#timer);
    this.#relay.stopAccepting();
    if (this.#server !== null) await closeListener(this.#server);
    this.#relay.close();
  }

  #lookAtFiles(): void {
    const { tls, note } = this.#options;
    if (tls === null || this.#certificate === null) return;
    const stamp = stampOf(tls);
    // While one of them is being replaced, the one in use will do.
    if (stamp === "" || stamp === this.#certificate.stamp) return;
    try {
      const renewed = readCertificate(tls);
      this.#relay.renew(renewed);
      this.#certificate = renewed;
      note(`admin API: takes the new certificate ${tls.cert}`);
    } catch (error) {
      if (stamp === this.#refusedStamp) return;
      this.#refusedStamp = stamp;
      note(
        `admin API: keeps its certificate, since the new one cannot be used: ${messageOf(error)}`,
      );
    }
  }
}
