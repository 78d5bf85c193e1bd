/** Everything that is published, as one consistent snapshot. */
import { invariant } from "../base/errors.ts";
import { completeSpec, type VersionSpec } from "../base/version-spec.ts";
import type { Queries } from "./database.ts";

/** The route table as the store hands it out. The same shape as the router's, which the store does not know. */
export interface StoredRouteTable {
  /** Grows with every change of what is published. */
  revision: number;
  /** By app name. */
  apps: Record<string, StoredRoutes>;
}

export interface StoredRoutes {
  /** By branch name as the user wrote it. */
  branches: Record<string, { label: string; live: number | null }>;
  /** By version number. */
  versions: Record<string, VersionSpec>;
  /** Branch by host of the app's own; absent for none. */
  domains?: Record<string, string>;
}

/** The caller's transaction sees one snapshot, so that revision and content belong together. */
export async function routeTable(queries: Queries): Promise<StoredRouteTable> {
  const [row] = await queries.rows<{ revision: number }>(
    "SELECT revision FROM levain.route_revision",
  );
  invariant(row !== undefined, "there is one revision");
  const branches = await queries.rows<{
    app: string;
    name: string;
    label: string;
    live: number | null;
  }>("SELECT app, name, label, live FROM levain.branches ORDER BY app, name");
  const versions = await queries.rows<{ app: string; spec: VersionSpec }>(
    "SELECT app, spec FROM levain.versions ORDER BY app, number",
  );
  const domains = await queries.rows<{ host: string; app: string; branch: string }>(
    "SELECT host, app, branch FROM levain.domains WHERE verified_at_ms IS NOT NULL ORDER BY host",
  );

  // Names come from people: without a prototype, `constructor` is a name like any other.
  const apps: Record<string, StoredRoutes> = Object.create(null);
  const routesOf = (app: string): StoredRoutes => {
    apps[app] ??= { branches: Object.create(null), versions: {} };
    return apps[app];
  };
  for (const { app, name, label, live } of branches) routesOf(app).branches[name] = { label, live };
  for (const { app, spec } of versions) routesOf(app).versions[spec.number] = completeSpec(spec);
  for (const { host, app, branch } of domains) {
    const routes = routesOf(app);
    routes.domains ??= Object.create(null) as Record<string, string>;
    routes.domains[host] = branch;
  }
  return { revision: row.revision, apps };
}
