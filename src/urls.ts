/** Where apps are reached, as it is shown to people. A part of the composition root. */
import { versionName } from "./base/version-spec.ts";
import type { NodeConfig } from "./control/node-config.ts";
import { branchLabel, PRODUCTION_BRANCH } from "./deploy/names.ts";
import type { Lane } from "./lane.ts";
import type { RouteTable } from "./router/route-table.ts";

export interface Urls {
  /** URL of an app's branch, or of one of its versions. */
  urlOf(app: string, target: string | number): string;
  /** URL of a host of an app's own. */
  urlOfHost(host: string): string;
}

export function urlsOf(
  { domain, publicUrl }: NodeConfig,
  lane: Pick<Lane, "edge" | "router">,
): Urls {
  const given = publicUrl === undefined ? null : new URL(publicUrl);
  const scheme = given?.protocol ?? "http:";
  const number = given === null ? `${lane.edge.port}` : given.port;
  const port = number === "" || (number === "80" && scheme === "http:") ? "" : `:${number}`;
  const urlOfHost = (host: string) => `${scheme}//${host}${port}`;
  return {
    urlOfHost,
    urlOf(app, target) {
      const host =
        typeof target === "number"
          ? `${versionName(target)}--${app}`
          : target === PRODUCTION_BRANCH
            ? app
            : `${labelOf(lane.router.table, app, target)}--${app}`;
      return urlOfHost(`${host}.${domain}`);
    },
  };
}

/** The branch's label as it was published; a branch that is not published yet has the one it would get. */
function labelOf(table: RouteTable, app: string, branch: string): string {
  const branches = table.apps[app]?.branches ?? {};
  const taken = new Set(Object.values(branches).map(({ label }) => label));
  return branches[branch]?.label ?? branchLabel(branch, taken, app);
}

/** Where the admin API listens; its name is the certificate's business. */
export function adminUrlOf({ adminHost, adminTlsCert }: NodeConfig, port: number): string {
  const host = adminHost.includes(":") ? `[${adminHost}]` : adminHost;
  return `${adminTlsCert === undefined ? "http" : "https"}://${host}:${port}`;
}
