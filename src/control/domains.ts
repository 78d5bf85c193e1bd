/** Adds, lists and removes hosts of the apps' own. */
import { checkBranchName } from "../deploy/names.ts";
import type { StoredDomain } from "../store/domains.ts";
import { mayUse, type Principal } from "./access.ts";
import type { DomainInfo, InputOf, OutputOf } from "./api.ts";
import type { AdminDeps } from "./deps.ts";
import { challengeName, challengePath, challengeText } from "./domain-check.ts";
import { domainHostOf } from "./domain-host.ts";

type DomainDeps = Pick<AdminDeps, "store" | "publish" | "clock" | "domains">;

/** Those of the apps that the principal may see. */
export async function listDomains(
  { store, domains }: Pick<AdminDeps, "store" | "domains">,
  principal: Principal,
  app: string | undefined,
): Promise<DomainInfo[]> {
  const all = await store.domains(app ?? null);
  return all.filter((one) => mayUse(principal, one.app)).map((one) => infoOf(one, domains));
}

/**
 * Asks for a host, and looks whether its proof is there; then it routes when this resolves. Doing it again looks again, or
 * leads a host that the app has to another branch.
 *
 * @throws {PlatformError} `DOMAIN_INVALID`, `DOMAIN_TAKEN`, `DOMAINS_FULL`, `APP_UNKNOWN`, `BRANCH_UNKNOWN`, `NAME_INVALID`
 */
export async function addDomain(
  { store, publish, clock, domains }: DomainDeps,
  app: string,
  { host: given, branch }: InputOf<"domainAdd">,
): Promise<OutputOf<"domainAdd">> {
  const host = domainHostOf(given, domains.platform);
  const claim = { host, app, branch: checkBranchName(branch), challenge: domains.challenge() };
  const domain = await store.addDomain({ ...claim, createdAtMs: clock.wallMs() });
  if (domain.verifiedAtMs !== null) {
    await publish();
    return { ...infoOf(domain, domains), check: null };
  }
  const { isVerified, dns, http } = await domains.check(host, domain.challenge);
  const check = { dns, http };
  if (!isVerified) return { ...infoOf(domain, domains), check };
  await store.verifyDomain(app, host);
  await publish();
  return { ...infoOf({ ...domain, verifiedAtMs: clock.wallMs() }, domains), check };
}

/** Resolves when the host leads nowhere any more. @throws {PlatformError} `DOMAIN_INVALID`, `DOMAIN_UNKNOWN` */
export async function removeDomain(
  { store, publish, domains }: DomainDeps,
  app: string,
  given: string,
): Promise<{ app: string; host: string }> {
  const host = domainHostOf(given, domains.platform);
  await store.removeDomain(app, host);
  await publish();
  return { app, host };
}

function infoOf(domain: StoredDomain, domains: AdminDeps["domains"]): DomainInfo {
  const { host, app, branch, challenge, createdAtMs, verifiedAtMs } = domain;
  return {
    host,
    app,
    branch,
    isVerified: verifiedAtMs !== null,
    proof: {
      dnsName: challengeName(host),
      url: `http://${host}${challengePath}`,
      text: challengeText(challenge),
    },
    url: domains.urlOf(host),
    createdAtMs,
    verifiedAtMs,
  };
}
