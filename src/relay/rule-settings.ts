/** Which of a database's rules PostgreSQL keeps itself, as settings that a connection begins with. Pure. */
import type { RelayDatabase } from "./relay-api.ts";

/**
 * @param own what the client has asked for at its log-in: a shorter time-out of its own counts
 * @returns settings by name
 */
export function ruleSettings(
  { guard }: Pick<RelayDatabase, "guard">,
  own: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  const { statementTimeoutMs, isReadOnly } = guard;
  if (statementTimeoutMs > 0) {
    // Another unit than milliseconds is not read: then the rule's counts.
    const ownMs = Number(own.get("statement_timeout") ?? Number.NaN);
    const isShorter = ownMs > 0 && ownMs < statementTimeoutMs;
    settings.set("statement_timeout", String(isShorter ? ownMs : statementTimeoutMs));
  }
  // RESET leads back to what a connection began with, so this cannot be reset.
  if (isReadOnly) settings.set("default_transaction_read_only", "on");
  return settings;
}
