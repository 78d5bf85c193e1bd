/** Who reaches a node's databases beside its own apps: the address, the certificate. A part of the composition root. */
import type { DatabasesDeps } from "./control/databases.ts";
import { bindError, type NodeConfig } from "./control/node-config.ts";
import { WatchedCertificate } from "./control/watched-certificate.ts";
import type { RelayCertificate, RelayReach } from "./relay/relay-api.ts";

export interface NodeReachOptions {
  config: Pick<
    NodeConfig,
    "databaseHost" | "databasePort" | "databaseTlsCert" | "databaseTlsKey" | "databasePlain"
  >;
  /** There is another certificate. */
  onRenewed(tls: RelayCertificate): Promise<void>;
  /** A line for the node's log. */
  note(line: string): void;
}

export interface NodeReach {
  /** For a relay that is started now. */
  now(): RelayReach;
  /** What is to be said to those who want to get there from elsewhere; null when nobody can. */
  served: DatabasesDeps["served"];
  close(): void;
}

/** @throws {PlatformError} `DATABASE_TLS_UNUSABLE`; `NODE_CONFIG_INVALID` for an address that the machine has not */
export function openReach({ config, onRenewed, note }: NodeReachOptions): NodeReach {
  const { databaseHost: hostname, databaseTlsCert: cert, databaseTlsKey: key } = config;
  assertOwnAddress(hostname);
  const certificate =
    cert === undefined || key === undefined
      ? null
      : new WatchedCertificate({
          files: { cert, key },
          purpose: "databases",
          problem: "DATABASE_TLS_UNUSABLE",
          note,
          onRenewed: ({ cert, key }) => onRenewed({ cert, key }),
        });
  return {
    now: () => ({
      hostname,
      tls: certificate === null ? null : pairOf(certificate.current),
      mayBePlain: config.databasePlain === "anywhere",
    }),
    served: /^(127\.|::1$)/.test(hostname)
      ? null
      : { isCertified: certificate === null ? null : (host) => certificate.current.isFor(host) },
    close: () => certificate?.close(),
  };
}

function pairOf({ cert, key }: RelayCertificate): RelayCertificate {
  return { cert, key };
}

/** The relay is started with the first database, which may be weeks away. */
function assertOwnAddress(hostname: string): void {
  try {
    Bun.listen({ hostname, port: 0, socket: { data() {} } }).stop(true);
  } catch (error) {
    throw bindError(error, "databasePort", 0);
  }
}
