/**
 * Method and path of every admin endpoint, by the name of its CLI verb if it has one. `{app}` is a path parameter.
 *
 * Apart from the schemas (`api.ts`) so that the CLI can call the node without loading a schema library, which would be
 * most of its start-up time.
 */
export const ENDPOINT_PATHS = {
  status: { method: "GET", path: "/v1/status" },
  apps: { method: "GET", path: "/v1/apps" },
  versions: { method: "GET", path: "/v1/apps/{app}/versions" },
  deploy: { method: "POST", path: "/v1/deploys" },
  promote: { method: "POST", path: "/v1/apps/{app}/promote" },
  promotePlan: { method: "POST", path: "/v1/apps/{app}/promote/plan" },
  rollback: { method: "POST", path: "/v1/apps/{app}/rollback" },
  remove: { method: "DELETE", path: "/v1/apps/{app}" },
  env: { method: "GET", path: "/v1/apps/{app}/env" },
  envChange: { method: "POST", path: "/v1/apps/{app}/env" },
  envDiff: { method: "POST", path: "/v1/apps/{app}/env/diff" },
  envApply: { method: "POST", path: "/v1/apps/{app}/env/apply" },
  keyRotate: { method: "POST", path: "/v1/master-key/rotate" },
  inspect: { method: "GET", path: "/v1/apps/{app}/inspect" },
  packages: { method: "GET", path: "/v1/apps/{app}/packages" },
  gc: { method: "POST", path: "/v1/gc" },
  backup: { method: "POST", path: "/v1/backups" },
  backups: { method: "GET", path: "/v1/backups" },
  databaseDump: { method: "GET", path: "/v1/apps/{app}/databases/dump" },
  databaseRestore: { method: "POST", path: "/v1/apps/{app}/databases/restore" },
  export: { method: "GET", path: "/v1/apps/{app}/export" },
  ps: { method: "GET", path: "/v1/instances" },
  migrations: { method: "GET", path: "/v1/apps/{app}/migrations" },
  logs: { method: "GET", path: "/v1/apps/{app}/logs" },
  metrics: { method: "GET", path: "/metrics" },
  domains: { method: "GET", path: "/v1/domains" },
  domainAdd: { method: "POST", path: "/v1/apps/{app}/domains" },
  domainRemove: { method: "DELETE", path: "/v1/apps/{app}/domains" },
  databases: { method: "GET", path: "/v1/databases" },
  databaseMake: { method: "POST", path: "/v1/apps/{app}/databases" },
  databaseReset: { method: "POST", path: "/v1/apps/{app}/databases/reset" },
  databaseReadOnly: { method: "POST", path: "/v1/apps/{app}/databases/read-only" },
  databaseUrl: { method: "GET", path: "/v1/apps/{app}/databases/url" },
  databaseDrop: { method: "DELETE", path: "/v1/apps/{app}/databases" },
  whoami: { method: "GET", path: "/v1/whoami" },
  tokens: { method: "GET", path: "/v1/tokens" },
  tokenCreate: { method: "POST", path: "/v1/tokens" },
  tokenRevoke: { method: "POST", path: "/v1/tokens/revoke" },
  audit: { method: "GET", path: "/v1/audit" },
  verdicts: { method: "GET", path: "/v1/verdicts" },
  verdictAdd: { method: "POST", path: "/v1/verdicts" },
  down: { method: "POST", path: "/v1/shutdown" },
} as const;

/** Which admin API this is; every answer carries it as `levain-api`. Grows when an older command line would misread it. */
export const adminApiVersion = 1;

export type EndpointName = keyof typeof ENDPOINT_PATHS;

export const ENDPOINT_NAMES = Object.keys(ENDPOINT_PATHS) as EndpointName[];

export interface EndpointMatch {
  name: EndpointName;
  /** The path parameter as it was sent, decoded; empty for a path without one. Not validated. */
  app: string;
}

/** The endpoint that a method and a path name, or null. A path that cannot be decoded matches nothing. */
export function matchEndpoint(method: string, path: string): EndpointMatch | null {
  const segments = path.split("/");
  for (const name of ENDPOINT_NAMES) {
    const endpoint = ENDPOINT_PATHS[name];
    if (endpoint.method !== method) continue;
    const pattern = endpoint.path.split("/");
    if (pattern.length !== segments.length) continue;
    let app = "";
    const matches = pattern.every((part, index) => {
      const segment = segments[index] as string;
      if (part !== "{app}") return part === segment;
      app = decoded(segment);
      return app !== "";
    });
    if (matches) return { name, app };
  }
  return null;
}

/** Path of an endpoint with its parameter filled in. */
export function endpointPath(name: EndpointName, app = ""): string {
  return ENDPOINT_PATHS[name].path.replace("{app}", encodeURIComponent(app));
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return "";
  }
}
