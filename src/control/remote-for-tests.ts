/** The part of the store that keeps tokens and the audit log, in memory, for tests of the admin API. */
import { PlatformError } from "../base/errors.ts";
import type { AuditEntry, StoredAuditEntry } from "../store/audit.ts";
import type { StoredDomain } from "../store/domains.ts";
import type { Store } from "../store/store.ts";
import type { StoredToken } from "../store/tokens.ts";

export type MemoryRemote = Pick<
  Store,
  | "tokens"
  | "createToken"
  | "removeToken"
  | "noteTokensUsed"
  | "audit"
  | "addAudit"
  | "domains"
  | "addDomain"
  | "verifyDomain"
  | "removeDomain"
>;

export function memoryRemote(): MemoryRemote {
  const tokens = new Map<string, StoredToken>();
  const entries: StoredAuditEntry[] = [];
  const domains = new Map<string, StoredDomain>();
  return {
    async domains(app) {
      return [...domains.values()].filter((one) => app === null || one.app === app);
    },
    async addDomain(domain) {
      const key = `${domain.app} ${domain.host}`;
      const { branch } = domain;
      const kept = { ...(domains.get(key) ?? { ...domain, verifiedAtMs: null }), branch };
      domains.set(key, kept);
      return kept;
    },
    async verifyDomain(app, host) {
      const found = domains.get(`${app} ${host}`);
      if (found !== undefined) found.verifiedAtMs = 1;
    },
    async removeDomain(app, host) {
      if (!domains.delete(`${app} ${host}`)) throw new PlatformError("DOMAIN_UNKNOWN", [app, host]);
    },
    async tokens() {
      return [...tokens.values()].map((token) => ({ ...token }));
    },
    async createToken(token) {
      tokens.set(token.id, { ...token });
    },
    async removeToken(id) {
      return tokens.delete(id);
    },
    async noteTokensUsed(used) {
      for (const [id, atMs] of used) {
        const token = tokens.get(id);
        if (token !== undefined) token.usedAtMs = atMs;
      }
    },
    async addAudit(added: readonly AuditEntry[]) {
      for (const entry of added)
        entries.push({ id: entries.length + 1, ...structuredClone(entry) });
    },
    async audit({ app, sinceMs = 0, limit }) {
      const isAsked = (entry: AuditEntry) =>
        (app === undefined || entry.app === app) && entry.atMs >= sinceMs;
      return entries.filter(isAsked).slice(-limit);
    },
  };
}
