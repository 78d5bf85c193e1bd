/** Makes, lists and ends tokens; says who asks. */
import { PlatformError } from "../base/errors.ts";
import type { StoredToken } from "../store/tokens.ts";
import { mayUse, type Principal } from "./access.ts";
import type { AuditEntryInfo, InputOf, OutputOf, QueryOf, TokenInfo } from "./api.ts";
import type { AdminDeps } from "./deps.ts";
import { platformVersion } from "./platform-version.ts";

/** As the API shows it: without its hash. */
export function tokenInfoOf(stored: StoredToken): TokenInfo {
  const { id, name, role, apps, createdAtMs, expiresAtMs, usedAtMs } = stored;
  return { id, name, role, apps, createdAtMs, expiresAtMs, usedAtMs };
}

/** @throws {PlatformError} `TOKEN_NAME_TAKEN`, `TOKENS_FULL`, `INPUT_INVALID` when it would have expired already */
export async function createToken(
  { tokens, clock }: Pick<AdminDeps, "tokens" | "clock">,
  input: InputOf<"tokenCreate">,
): Promise<OutputOf<"tokenCreate">> {
  const { expiresAtMs } = input;
  if (expiresAtMs !== null && expiresAtMs <= clock.wallMs()) {
    throw new PlatformError("INPUT_INVALID", ["expiresAtMs is in the past"]);
  }
  const { text, stored } = await tokens.create(input);
  const { usedAtMs: _, ...info } = tokenInfoOf(stored);
  return { ...info, token: text };
}

export async function whoami(
  { status }: Pick<AdminDeps, "status">,
  { kind, name, role, apps, expiresAtMs }: Principal,
): Promise<OutputOf<"whoami">> {
  const { domain } = await status();
  return {
    kind: kind === "token" ? "token" : "owner",
    name,
    role,
    apps: apps === null ? null : [...apps],
    expiresAtMs,
    version: platformVersion(),
    domain,
  };
}

/** What the principal may know of: a token that is limited to apps sees what was done to these. */
export async function listAudit(
  { store }: Pick<AdminDeps, "store">,
  principal: Principal,
  { app, sinceMs, limit }: QueryOf<"audit">,
): Promise<AuditEntryInfo[]> {
  if (principal.apps === null) return store.audit({ app, sinceMs, limit });
  const apps = principal.apps.filter((one) => app === undefined || one === app);
  const found = await Promise.all(apps.map((one) => store.audit({ app: one, sinceMs, limit })));
  return found
    .flat()
    .filter((entry) => entry.app !== null && mayUse(principal, entry.app))
    .sort((left, right) => left.id - right.id)
    .slice(-limit);
}
