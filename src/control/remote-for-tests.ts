/** The part of the store that keeps tokens and the audit log, in memory, for tests of the admin API. */
import type { AuditEntry, StoredAuditEntry } from "../store/audit.ts";
import type { Store } from "../store/store.ts";
import type { StoredToken } from "../store/tokens.ts";

export type MemoryRemote = Pick<
  Store,
  "tokens" | "createToken" | "removeToken" | "noteTokensUsed" | "audit" | "addAudit"
>;

export function memoryRemote(): MemoryRemote {
  const tokens = new Map<string, StoredToken>();
  const entries: StoredAuditEntry[] = [];
  return {
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
