/**
 * Lets pages of other origins ask the apps (CORS). Preflights are answered here; the apps do not see them.
 *
 *   {
 *     module: "levain/hooks/cors",
 *     options: { origins: ["https://www.example.com"], credentials: true },
 *   }
 *
 * What is said here counts: an app's own `access-control-allow-origin` and `-credentials` are replaced. Put it first in the
 * list, so that it adorns the answers of the hooks behind it too, and preflights need no login.
 */
import type { HookRequest, HookSetup } from "levain/hooks";

export interface CorsOptions {
  /**
   * `https://www.example.com`, `https://*.example.com` for all names below that one, or `*` for everybody; `null` for pages
   * without an origin, which anybody can make.
   */
  origins: string[];
  /** Pages may ask with cookies and logins. Not with `*`, which would hand every page its visitors' sessions. Default false. */
  credentials?: boolean;
  /** Default: GET, HEAD, PUT, PATCH, POST, DELETE. */
  methods?: string[];
  /** Request headers that pages may set. Default: those that the preflight asks for. */
  headers?: string[];
  /** Response headers that pages may read beside the usual ones. Default: none. */
  exposeHeaders?: string[];
  /** How long a browser remembers a preflight. Default 600. */
  maxAgeS?: number;
  /** Only for these apps. Default: all. */
  apps?: string[];
}

/** Lists of a preflight that are longer are not let through. Characters. */
const askedCharactersMax = 2000;

const OPTIONS = [
  "origins",
  "credentials",
  "methods",
  "headers",
  "exposeHeaders",
  "maxAgeS",
  "apps",
];

const cors: HookSetup<CorsOptions> = (options = {} as CorsOptions) => {
  const problems = Object.keys(options)
    .filter((key) => !OPTIONS.includes(key))
    .map((key) => `there is no option \`${key}\``);
  const attempt = <Made>(make: () => Made, otherwise: Made): Made => {
    try {
      return make();
    } catch (thrown) {
      problems.push((thrown as Error).message);
      return otherwise;
    }
  };
  const { credentials = false, exposeHeaders = [], maxAgeS = 600, apps } = options;
  const { methods: names = ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"] } = options;
  const isAllowed = attempt(
    () => originTest(options),
    () => false,
  );
  const methods = attempt(() => list("methods", names), "");
  const { headers: settable } = options;
  const headers = settable === undefined ? null : attempt(() => list("headers", settable), "");
  const exposed = attempt(() => list("exposeHeaders", exposeHeaders), "");
  if (problems.length > 0) throw new Error(problems.join("; "));
  const isForAll = options.origins.includes("*");
  const isOurs = ({ app }: HookRequest) => apps === undefined || apps.includes(app ?? "");

  /** The origin that may read the answer; null when it may not, or none has asked. */
  const readerOf = (request: HookRequest): string | null => {
    const origins = request.headers.getAll("origin");
    const [origin = ""] = origins;
    if (origins.length !== 1 || !isAllowed(origin)) return null;
    return isForAll ? "*" : origin;
  };

  return {
    onRequest(request) {
      if (request.method !== "OPTIONS" || !isOurs(request)) return;
      if (!request.headers.has("origin")) return;
      if (!request.headers.has("access-control-request-method")) return;
      const reader = readerOf(request);
      const answer: Record<string, string> = {
        vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
      };
      // Without these lines the browser does not go on.
      if (reader === null) return { status: 204, headers: answer };
      answer["access-control-allow-origin"] = reader;
      answer["access-control-allow-methods"] = methods;
      const asked = request.headers.get("access-control-request-headers") ?? "";
      const allowed =
        headers ?? (asked.length <= askedCharactersMax && isNameList(asked) ? asked : "");
      if (allowed !== "") answer["access-control-allow-headers"] = allowed;
      if (credentials) answer["access-control-allow-credentials"] = "true";
      answer["access-control-max-age"] = String(maxAgeS);
      return { status: 204, headers: answer };
    },

    onResponse(response, request) {
      if (!isOurs(request)) return;
      const { headers: lines } = response;
      // A cache must not give one origin's answer to another, not even to one that has not asked.
      if (!isForAll) vary(lines, "Origin");
      const reader = readerOf(request);
      lines.delete("access-control-allow-origin");
      lines.delete("access-control-allow-credentials");
      if (reader === null) return;
      lines.set("access-control-allow-origin", reader);
      if (credentials) lines.set("access-control-allow-credentials", "true");
      if (exposed !== "") lines.set("access-control-expose-headers", exposed);
    },
  };
};
export default cors;

function originTest({ origins, credentials }: CorsOptions): (origin: string) => boolean {
  if (!Array.isArray(origins) || origins.length === 0) throw new Error("`origins` must be a list");
  if (origins.includes("*") && credentials === true) {
    throw new Error('`credentials` cannot go with origin "*": name the origins');
  }
  const exact = new Set<string>();
  const below: { scheme: string; suffix: string }[] = [];
  const wrong: string[] = [];
  for (const origin of origins) {
    if (origin === "*") return () => true;
    const [, scheme = "", suffix] = /^(https?:\/\/)\*(\.[^/*]+)$/.exec(origin) ?? [];
    if (suffix !== undefined) below.push({ scheme, suffix });
    else if (origin === "null" || (!origin.includes("*") && URL.parse(origin)?.origin === origin))
      exact.add(origin);
    else wrong.push(`"${origin}" is no origin, such as https://www.example.com`);
  }
  if (wrong.length > 0) throw new Error(wrong.join("; "));
  return (origin) =>
    exact.has(origin) ||
    below.some(({ scheme, suffix }) => {
      const name = origin.slice(scheme.length, -suffix.length);
      return origin.startsWith(scheme) && origin.endsWith(suffix) && /^[a-z0-9.-]+$/.test(name);
    });
}

function list(option: string, names: readonly string[]): string {
  const text = names.join(", ");
  if (text !== "" && !isNameList(text)) throw new Error(`\`${option}\` must be a list of names`);
  return text;
}

function isNameList(text: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*$/.test(text);
}

function vary(headers: HookRequest["headers"], name: string): void {
  const known = (headers.get("vary") ?? "").split(",").map((item) => item.trim().toLowerCase());
  if (!known.includes("*") && !known.includes(name.toLowerCase())) headers.append("vary", name);
}
