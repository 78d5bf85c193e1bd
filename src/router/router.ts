/**
 * From a host name to the pool that serves it. The tables are rebuilt when a route table is published; a request costs
 * one look-up.
 *
 *   <app>.<domain>            branch main
 *   <label>--<app>.<domain>   another branch
 *   v<number>--<app>.<domain> one version
 *   a host of the app's own   the branch that it was added to
 */
import { PlatformError } from "../base/errors.ts";
import { type VersionSpec, versionName } from "../base/version-spec.ts";
import type { Destination, Destinations } from "../pool/destination.ts";
import { spellingsMax } from "./limits.ts";
import { emptyRouteTable, type RouteTable } from "./route-table.ts";

/** Where a request goes, or why it goes nowhere. */
export type Route = Destination | PlatformError;

export interface RouterOptions {
  /** `localhost`, `apps.example.com` */
  domain: string;
  /** App that the domain itself leads to. Default: none. */
  domainApp?: string;
  pools: Destinations;
  /** Called for each version that a new table no longer has. */
  onRemoved(spec: VersionSpec): void;
}

export class Router {
  readonly #options: RouterOptions;
  readonly #suffix: string;
  #table: RouteTable = emptyRouteTable;
  #routes = new Map<string, Route>();
  /** Answers by the Host header as it was spelled. */
  #spellings = new Map<string, Route>();

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#suffix = `.${options.domain.toLowerCase()}`;
  }

  get table(): RouteTable {
    return this.#table;
  }

  /** Takes a new table; requests that come after are routed by it. */
  publish(table: RouteTable): void {
    const { pools, onRemoved } = this.#options;
    const previous = this.#table;
    const routes = new Map<string, Route>();
    for (const [app, { branches, versions }] of Object.entries(table.apps)) {
      const live = new Set<number>();
      for (const [branch, { label, live: number }] of Object.entries(branches)) {
        const host = branch === "main" ? app : `${label}--${app}`;
        const spec = number === null ? undefined : versions[number];
        if (spec !== undefined) live.add(spec.number);
        routes.set(
          host + this.#suffix,
          spec === undefined ? new PlatformError("BRANCH_NOT_LIVE", [app, branch]) : pools.of(spec),
        );
      }
      for (const spec of Object.values(versions)) {
        const pool = pools.of(spec);
        pool.isSuperseded = !live.has(spec.number);
        routes.set(`${versionName(spec.number)}--${app}${this.#suffix}`, pool);
      }
    }
    this.#addDomains(table, routes);
    const { domain, domainApp = "" } = this.#options;
    const top = routes.get(domainApp + this.#suffix);
    if (top !== undefined) routes.set(domain.toLowerCase(), top);
    this.#routes = routes;
    this.#spellings = new Map();
    this.#table = table;
    for (const [app, { versions }] of Object.entries(previous.apps)) {
      for (const spec of Object.values(versions)) {
        if (table.apps[app]?.versions[spec.number] === undefined) onRemoved(spec);
      }
    }
  }

  /** Whether something is live at a host. Unlike `route`, keeps nothing of the question. */
  isServed(host: string): boolean {
    const route = this.#routes.get(hostName(host));
    return route !== undefined && !(route instanceof PlatformError);
  }

  /** Hosts of the apps' own lead where their branch does; the platform's names are the platform's. */
  #addDomains(table: RouteTable, routes: Map<string, Route>): void {
    for (const [app, { branches, domains = {} }] of Object.entries(table.apps)) {
      for (const [host, branch] of Object.entries(domains)) {
        const label = Object.hasOwn(branches, branch) ? branches[branch]?.label : undefined;
        if (label === undefined || `.${host}`.endsWith(this.#suffix) || routes.has(host)) continue;
        const route = routes.get(hostLabel(app, branch, label) + this.#suffix);
        if (route !== undefined) routes.set(host, route);
      }
    }
  }

  /** `host` is a Host header's value: any case, with or without a port. */
  route(host: string): Route {
    return this.#spellings.get(host) ?? this.#routeSlowly(host);
  }

  #routeSlowly(host: string): Route {
    const name = hostName(host);
    const route = this.#routes.get(name) ?? this.#whyUnknown(name);
    if (this.#spellings.size >= spellingsMax) this.#spellings.clear();
    this.#spellings.set(host, route);
    return route;
  }

  #whyUnknown(name: string): PlatformError {
    if (name.endsWith(this.#suffix)) {
      const label = name.slice(0, -this.#suffix.length);
      const split = label.indexOf("--");
      const app = split === -1 ? label : label.slice(split + 2);
      const rest = split === -1 ? "main" : label.slice(0, split);
      if (Object.hasOwn(this.#table.apps, app)) {
        if (/^v[0-9]+$/.test(rest)) return new PlatformError("VERSION_UNKNOWN", [app, rest]);
        return new PlatformError("BRANCH_NOT_LIVE", [app, rest]);
      }
    }
    return new PlatformError("HOST_UNKNOWN", [name.slice(0, 100)]);
  }
}

/** Lower case, without port and without the dot of a rooted name. */
export function hostName(host: string): string {
  const lower = host.toLowerCase();
  const port = lower.lastIndexOf(":");
  const name = port > lower.lastIndexOf("]") ? lower.slice(0, port) : lower;
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/** Host label of a branch's or a version's URL. */
export function hostLabel(app: string, branch: string, label: string): string {
  return branch === "main" ? app : `${label}--${app}`;
}
