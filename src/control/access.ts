/**
 * Who may call what. One table, for every endpoint; what is not in it is nobody's but the owner's.
 *
 *   read ⊂ deploy ⊂ admin      a token limited to apps has its role there, and nothing of the node
 */
import { PlatformError } from "../base/errors.ts";
import type { EndpointName } from "./endpoints.ts";

/** Each may do what the ones before may. */
export const ROLES = ["read", "deploy", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Who sent a request. */
export interface Principal {
  /** `owner`: the node's own token; `metrics`: the one made from it; `token`: one that was created. */
  kind: "owner" | "metrics" | "token";
  /** Of the token; empty for the other kinds. */
  id: string;
  /** As people call it. */
  name: string;
  role: Role;
  /** Apps it is limited to; null for all, and the node. */
  apps: readonly string[] | null;
  /** Wall-clock milliseconds; null: never. */
  expiresAtMs: number | null;
  /** Aborted with the `PlatformError` that says why when the token ends before the request; null when it cannot. */
  ended(): AbortSignal | null;
}

/** What an endpoint is about. */
export type Scope =
  /** The app in its path. */
  | "app"
  /** Apps that the call itself looks at: it leaves out, or refuses, what the principal may not. */
  | "own"
  /** The whole node. */
  | "node";

export interface Access {
  role: Role;
  scope: Scope;
  /** Whether it only asks, and the audit log leaves it out. Default: when it is a `GET`. */
  isQuestion?: boolean;
}

export const ACCESS: Readonly<Record<EndpointName, Access>> = {
  whoami: { role: "read", scope: "own" },
  status: { role: "read", scope: "node" },
  metrics: { role: "read", scope: "node" },
  apps: { role: "read", scope: "own" },
  ps: { role: "read", scope: "own" },
  versions: { role: "read", scope: "app" },
  inspect: { role: "read", scope: "app" },
  packages: { role: "read", scope: "app" },
  logs: { role: "read", scope: "app" },
  migrations: { role: "read", scope: "app" },
  deploy: { role: "deploy", scope: "own" },
  promote: { role: "deploy", scope: "app" },
  promotePlan: { role: "deploy", scope: "app", isQuestion: true },
  rollback: { role: "deploy", scope: "app" },
  remove: { role: "admin", scope: "app" },
  env: { role: "read", scope: "app" },
  envChange: { role: "deploy", scope: "app" },
  // It tells whether a value that is sent is the one that is set.
  envDiff: { role: "deploy", scope: "app" },
  envApply: { role: "deploy", scope: "app" },
  keyRotate: { role: "admin", scope: "node" },
  domains: { role: "read", scope: "own" },
  domainAdd: { role: "admin", scope: "app" },
  domainRemove: { role: "admin", scope: "app" },
  databases: { role: "read", scope: "own" },
  databaseMake: { role: "deploy", scope: "app" },
  // Of production they ask for more.
  databaseReset: { role: "deploy", scope: "app" },
  databaseDrop: { role: "deploy", scope: "app" },
  databaseReadOnly: { role: "deploy", scope: "app" },
  // Its answer has the password in it: all of the data, which whoever may deploy reads through an app of his own as well.
  databaseUrl: { role: "deploy", scope: "app", isQuestion: false },
  audit: { role: "admin", scope: "own" },
  tokens: { role: "admin", scope: "node" },
  tokenCreate: { role: "admin", scope: "node" },
  tokenRevoke: { role: "admin", scope: "node" },
  // They take all rows away, and put others in their place.
  databaseDump: { role: "admin", scope: "app", isQuestion: false },
  databaseRestore: { role: "admin", scope: "app" },
  verdicts: { role: "read", scope: "node" },
  verdictAdd: { role: "admin", scope: "node" },
  // It takes all of an app's code away.
  export: { role: "admin", scope: "app", isQuestion: false },
  gc: { role: "admin", scope: "node" },
  backup: { role: "admin", scope: "node" },
  backups: { role: "read", scope: "node" },
  down: { role: "admin", scope: "node" },
};

/**
 * Whether the principal may call the endpoint. Says nothing about what there is: an app that is not there and one that
 * the token is not for are refused alike. Pure.
 *
 * @param endpoint null for what is no endpoint
 * @param app the app in its path, empty for none
 * @throws {PlatformError} `ADMIN_TOKEN_METRICS_ONLY`, `ADMIN_TOKEN_ROLE`, `ADMIN_TOKEN_APP`
 */
export function assertMayCall(
  principal: Principal,
  endpoint: EndpointName | null,
  app: string,
): void {
  if (principal.kind === "owner") return;
  if (principal.kind === "metrics") {
    if (endpoint === "metrics") return;
    throw new PlatformError("ADMIN_TOKEN_METRICS_ONLY", []);
  }
  // The index, and paths that lead nowhere.
  if (endpoint === null) return;
  const access = Object.hasOwn(ACCESS, endpoint) ? ACCESS[endpoint] : undefined;
  const { role, scope } = access ?? ({ role: "admin", scope: "node" } as const);
  if (ROLES.indexOf(principal.role) < ROLES.indexOf(role)) {
    throw new PlatformError("ADMIN_TOKEN_ROLE", [principal.name, principal.role, endpoint, role]);
  }
  if (scope === "app") assertMayUse(principal, app);
  if (scope === "node" && principal.apps !== null) refuseApp(principal, "the node");
}

/** Whether the principal may see and change the app, as far as its role goes. Pure. */
export function mayUse({ apps }: Principal, app: string): boolean {
  return apps?.includes(app) ?? true;
}

/** @throws {PlatformError} `ADMIN_TOKEN_APP` */
export function assertMayUse(principal: Principal, app: string): void {
  if (!mayUse(principal, app)) refuseApp(principal, `app "${app.slice(0, 100)}"`);
}

function refuseApp({ name, apps }: Principal, what: string): never {
  const shown = (apps ?? []).map((app) => `"${app}"`).join(", ");
  throw new PlatformError("ADMIN_TOKEN_APP", [name, `app ${shown}`, what]);
}
