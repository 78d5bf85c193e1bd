/**
 * Redirects and rewrites by rules. A redirect tells the client another address; a rewrite gives the app another path, and
 * the client does not see it.
 *
 *   {
 *     module: "levain/hooks/redirects",
 *     options: {
 *       redirects: [
 *         { host: "www.shop.example.com", from: "/*", to: "https://shop.example.com/*" },
 *         { from: "/articles/:id", to: "/blog/:id", status: 301 },
 *       ],
 *       rewrites: [{ app: "shop", from: "/api/v1/*", to: "/v1/*" }],
 *     },
 *   }
 *
 * In `from`, `:name` is one segment of the path and `*` at the end the rest of it, perhaps nothing. `to` has them filled in
 * as the client has sent them: still percent-encoded, never decoded and encoded anew. Other segments match however they
 * are encoded: `/caf%C3%A9` is `/café`. The first rule that matches counts; redirects come before rewrites. The query is
 * kept, behind one of `to`.
 *
 * Put it before checks of paths: they then see what the app will get. Where a redirect leads, only the rule decides: `*` and `:name` cannot stand in the host, and what they bring cannot make
 * a path into another host.
 */
import type { HookRequest, HookSetup } from "levain/hooks";

export interface Rule {
  /** Only for this host name. Default: any. */
  host?: string;
  /** Only for this app. Default: any. */
  app?: string;
  from: string;
  /** A path; of a redirect also a URL. */
  to: string;
}

export interface RedirectsOptions {
  /** `status` is 301, 302, 303, 307 or 308. Default 308: permanent, and the method stays. */
  redirects?: (Rule & { status?: number })[];
  rewrites?: Rule[];
}

/** Longer ones are refused, as other servers do. Characters. */
const locationCharactersMax = 8000;

const OPTIONS = ["redirects", "rewrites"];

const redirects: HookSetup<RedirectsOptions> = (options = {}) => {
  const problems = Object.keys(options)
    .filter((key) => !OPTIONS.includes(key))
    .map((key) => `there is no option \`${key}\``);
  const attempt = <Made>(make: () => Made): Made[] => {
    try {
      return [make()];
    } catch (thrown) {
      problems.push((thrown as Error).message);
      return [];
    }
  };
  const moves = (options.redirects ?? []).flatMap((rule) =>
    attempt(() => ({
      ...ready(rule, /^(?:https?:\/\/[^/?#*:@\\]+(?::\d+)?)?\//i),
      status: statusOf(rule),
    })),
  );
  const rewrites = (options.rewrites ?? []).flatMap((rule) => attempt(() => ready(rule, /^\//)));
  if (problems.length > 0) throw new Error(problems.join("; "));

  return {
    onRequest(request) {
      // Decoded once for all rules.
      const segments = rawSegments(request.path);
      for (const { status, ...rule } of moves) {
        const location = apply(rule, request, segments);
        if (location === null) continue;
        return location.length > locationCharactersMax
          ? tooLong
          : { status, headers: { location } };
      }
      for (const rule of rewrites) {
        const target = apply(rule, request, segments);
        if (target === null) continue;
        if (target.length > locationCharactersMax) return tooLong;
        return request.rewrite(target);
      }
    },
  };
};
export default redirects;

const tooLong = { reject: "its address is too long", status: 414 };

interface ReadyRule {
  host: string | undefined;
  app: string | undefined;
  /** Decoded; `:name` stands for any one, a last `*` for the rest. */
  from: string[];
  /** Scheme and host; empty for a path. */
  origin: string;
  path: string;
  query: string;
}

interface Segment {
  raw: string;
  plain: string;
}

function ready(rule: Rule, wanted: RegExp): ReadyRule {
  const { host, app, from, to } = rule;
  const shown = JSON.stringify(rule);
  if (!/^\/[^*?#]*\*?$/.test(from) || /[^/]\*$/.test(from)) {
    throw new Error(`\`from\` must be a path, with \`*\` only as its last segment: ${shown}`);
  }
  const start = wanted.exec(to)?.[0];
  if (start === undefined || /^\/[/\\]/.test(to)) {
    throw new Error(
      `\`to\` must be a path, or the URL of a redirect without \`:\` or \`*\` in its host: ${shown}`,
    );
  }
  if (/[^\x21-\x7e]|#/.test(to)) throw new Error(`\`to\` must be percent-encoded ASCII: ${shown}`);
  const origin = start.slice(0, -1);
  const [path = "", query] = split(to.slice(origin.length));
  const segments = from.slice(1).split("/").map(decoded);
  for (const [name] of path.matchAll(/:\w+|\*/g)) {
    if (!segments.includes(name)) throw new Error(`\`to\` has ${name}, \`from\` has not: ${shown}`);
  }
  return { host: host?.toLowerCase(), app, from: segments, origin, path, query };
}

function statusOf({ status = 308 }: { status?: number }): number {
  if ([301, 302, 303, 307, 308].includes(status)) return status;
  throw new Error(`status ${status} is no redirect; take 301, 302, 303, 307 or 308`);
}

/** Where the rule leads; null when it does not match. */
function apply(rule: ReadyRule, request: HookRequest, segments: readonly Segment[]): string | null {
  if (rule.host !== undefined && rule.host !== request.host) return null;
  if (rule.app !== undefined && rule.app !== request.app) return null;
  const found = match(rule.from, segments);
  if (found === null) return null;
  const filled = rule.path.replace(/:\w+|\*/g, (name) => found.get(name) ?? "");
  // Browsers take `//host` and `/\host` for another host.
  const path = filled.replace(/^[/\\]+/, "/");
  const more = request.query.slice(1);
  const query = rule.query !== "" && more !== "" ? `${rule.query}&${more}` : rule.query || more;
  return rule.origin + path + (query === "" ? "" : `?${query}`);
}

/** What stands for each name; null when the path is another one. */
function match(from: readonly string[], segments: readonly Segment[]): Map<string, string> | null {
  const hasRest = from.at(-1) === "*";
  const fixed = hasRest ? from.length - 1 : from.length;
  if (hasRest ? segments.length < fixed : segments.length !== fixed) return null;
  const found = new Map<string, string>();
  for (let index = 0; index < fixed; index++) {
    const { raw, plain } = segments[index]!;
    const name = from[index]!;
    if (/^:\w+$/.test(name)) {
      if (raw === "") return null;
      found.set(name, raw);
    } else if (name !== plain) return null;
  }
  if (hasRest) {
    const rest = segments.slice(fixed).map(({ raw }) => raw);
    found.set("*", rest.join("/"));
  }
  return found;
}

/** `path` has no dot segments and no backslashes: nothing climbs out of where a rule leads. */
function rawSegments(path: string): Segment[] {
  return path
    .slice(1)
    .split("/")
    .map((raw) => ({ raw, plain: decoded(raw) }));
}

/** Path and query, without the `?`. */
function split(target: string): [path: string, query: string] {
  const at = target.indexOf("?");
  return at === -1 ? [target, ""] : [target.slice(0, at), target.slice(at + 1)];
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
