/** What use of a node from elsewhere needs, put together: tokens, audit log, domains. A part of the composition root. */
import { randomBytes } from "node:crypto";
import { Resolver } from "node:dns/promises";
import type { Clock } from "./base/clock.ts";
import type { AdminServerOptions } from "./control/admin-server.ts";
import { AuditTrail } from "./control/audit-trail.ts";
import type { DomainsDeps } from "./control/deps.ts";
import { askOverHttp, checkDomain } from "./control/domain-check.ts";
import { domainCheckTimeoutMs } from "./control/limits.ts";
import type { NodeConfig } from "./control/node-config.ts";
import { TokenBook } from "./control/token-book.ts";
import type { Lane } from "./lane.ts";
import type { Store } from "./store/store.ts";

export interface RemoteUseParts {
  store: Store;
  clock: Clock;
  note(line: string): void;
  lane: Pick<Lane, "router">;
  /** URL of a host of an app's own. */
  urlOfHost(host: string): string;
}

export interface RemoteUse {
  tokens: TokenBook;
  audit: AuditTrail;
  domains: DomainsDeps;
  /** Writes what waits for the store. */
  close(): Promise<void>;
}

export function openRemoteUse(config: NodeConfig, parts: RemoteUseParts): RemoteUse {
  const { store, clock, note, lane, urlOfHost } = parts;
  const tokens = new TokenBook({ store, clock, random: randomBytes, note });
  const audit = new AuditTrail({ store, clock, note });
  const resolver = new Resolver({ timeout: domainCheckTimeoutMs, tries: 1 });
  if (config.dnsServers.length > 0) resolver.setServers(config.dnsServers);
  return {
    tokens,
    audit,
    domains: {
      platform: config.domain,
      challenge: () => randomBytes(16).toString("hex"),
      check: (host, challenge) => checkDomain(host, challenge, { resolver, ask: askOverHttp }),
      urlOf: urlOfHost,
      isServed: (host) => lane.router.isServed(host),
    },
    async close() {
      await tokens.close();
      await audit.close();
    },
  };
}

/** Where others get to the admin API; null when it stays on 127.0.0.1 and without TLS. */
export function adminRemoteOf(
  config: NodeConfig,
): NonNullable<AdminServerOptions["remote"]> | null {
  const { adminHost, adminTlsCert: cert, adminTlsKey: key } = config;
  const tls = cert === undefined || key === undefined ? null : { cert, key };
  if (tls === null && adminHost === "127.0.0.1") return null;
  return { hostname: adminHost, tls };
}
