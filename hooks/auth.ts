/**
 * Asks for a name and password (basic), or for a token (bearer), before an app gets a request.
 *
 *   {
 *     module: "levain/hooks/auth",
 *     options: { users: "STAFF_USERS", tokens: "CI_TOKENS", paths: ["/admin"], realm: "Staff" },
 *   }
 *
 * `users` and `tokens` name variables of the node's environment. They hold hashes, so that who reads them cannot log in:
 *
 *   STAFF_USERS="ada:$argon2id$v=19$… grace:$argon2id$…"   name:hash, by spaces or lines
 *   CI_TOKENS="deploy:5e884898da28…"                       name:sha256 of a token that was drawn at random, in hex
 *
 *   bun -e 'console.log(await Bun.password.hash(prompt("Password:")))'
 *   token=$(openssl rand -hex 32); echo "token $token, hash $(printf %s "$token" | sha256sum)"
 *
 * Checking a password takes tens of milliseconds of another thread, so what was right is remembered for a minute, and only
 * a few are checked at once. The credentials do not reach the app. Put rewrites before it: it checks the path as it is here.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { HookAnswer, HookRejection, HookRequest, HookSetup } from "levain/hooks";

export interface AuthOptions {
  /** Variable with names and password hashes (argon2 or bcrypt). */
  users?: string;
  /** Variable with names and sha256 hashes of tokens. */
  tokens?: string;
  /** Only these apps. Default: all. */
  apps?: string[];
  /** Only these paths and what is below them, however they are spelled. Default: all. */
  paths?: string[];
  /** Not these paths, nor what is below them. */
  except?: string[];
  /** Told to the person who is asked. Default `Levain`. */
  realm?: string;
  /** Request header that tells the app who it was; a client's own is dropped. Default: none. */
  nameHeader?: string;
}

/** Passwords that are checked at once; each takes tens of MB. Count. */
const checksMax = 4;
/** Checks that wait. Count. */
const waitingMax = 32;
/** Credentials that are remembered as right. Count. */
const rememberedMax = 1000;
/** Milliseconds. */
const rememberedMs = 60_000;

const OPTIONS = ["users", "tokens", "apps", "paths", "except", "realm", "nameHeader"];

const auth: HookSetup<AuthOptions> = async (options = {}, { env, nowMs }) => {
  const problems = Object.keys(options)
    .filter((key) => !OPTIONS.includes(key))
    .map((key) => `there is no option \`${key}\``);
  const { apps, paths, except = [], realm = "Levain", nameHeader } = options;
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(realm)) {
    problems.push("`realm` must be visible ASCII without quotes and backslashes");
  }
  for (const path of [...(paths ?? []), ...except]) {
    if (!path.startsWith("/")) problems.push(`path "${path}" must begin with "/"`);
  }
  if (options.users === undefined && options.tokens === undefined) {
    problems.push("give `users`, `tokens` or both");
  }
  const failed = (thrown: unknown) => {
    problems.push((thrown as Error).message);
    return null;
  };
  const read = async <Read>(
    variable: string | undefined,
    from: (variable: string) => Read | Promise<Read>,
  ) => (variable === undefined ? null : Promise.try(() => from(variable)).catch(failed));
  const users = await read(options.users, (variable) => Passwords.read(variable, env, nowMs));
  const tokens = await read(options.tokens, (variable) => readTokens(variable, env));
  if (problems.length > 0) throw new Error(problems.join("; "));

  const challenges: string[] = [];
  if (users !== null) challenges.push(`Basic realm="${realm}", charset="UTF-8"`);
  if (tokens !== null) challenges.push(`Bearer realm="${realm}"`);
  const refusal: HookRejection = {
    reject: "it needs a login",
    status: 401,
    headers: { "www-authenticate": challenges, "cache-control": "no-store" },
  };

  const roots = paths?.map((path) => path.toLowerCase()) ?? null;
  const isProtected = (request: HookRequest): boolean => {
    if (apps !== undefined && !apps.includes(request.app ?? "")) return false;
    // An app may read a path in either way: one that is protected in any of them is, one that is free in both is free.
    const spellings = [request.path, request.plainPath];
    // Nor do all apps tell cases apart.
    if (roots !== null && !spellings.some((path) => isBelow(path.toLowerCase(), roots)))
      return false;
    return !spellings.every((path) => isBelow(path, except));
  };

  const pass = (request: HookRequest, name: string): undefined => {
    request.headers.delete("authorization");
    if (nameHeader !== undefined) request.headers.set(nameHeader, encodeURIComponent(name));
  };

  return {
    onRequest(
      request,
    ): HookAnswer | HookRejection | undefined | Promise<HookRejection | undefined> {
      if (nameHeader !== undefined) request.headers.delete(nameHeader);
      if (!isProtected(request)) return;
      const lines = request.headers.getAll("authorization");
      const [, scheme = "", credentials = ""] = /^(\w+) +(\S+)$/.exec(lines[0] ?? "") ?? [];
      if (lines.length !== 1) return refusal;
      if (tokens !== null && scheme.toLowerCase() === "bearer") {
        const name = nameOfToken(tokens, credentials);
        return name === null ? refusal : pass(request, name);
      }
      if (users === null || scheme.toLowerCase() !== "basic") return refusal;
      const login = loginIn(credentials);
      if (login === null || login.password === "") return refusal;
      if (users.isRemembered(credentials)) return pass(request, login.name);
      if (users.isBusy) {
        return {
          reject: "too many logins are being checked",
          status: 503,
          headers: { "retry-after": "1" },
        };
      }
      return users
        .check(login.name, login.password, credentials)
        .then((isRight) => (isRight ? pass(request, login.name) : refusal));
    },
  };
};
export default auth;

/** Whether the path is one of `roots` or below it. A slash at the end of a root makes no difference. */
function isBelow(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => {
    const folder = root.endsWith("/") ? root : `${root}/`;
    return path.startsWith(folder) || `${path}/` === folder;
  });
}

/** The name and what follows the first colon; null when it is not that. */
function loginIn(credentials: string): { name: string; password: string } | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(credentials)) return null;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(credentials, "base64"));
  } catch {
    return null;
  }
  const colon = text.indexOf(":");
  return colon === -1 ? null : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Pairs `name:hash` of a variable. */
function entriesIn(variable: string, env: Readonly<Record<string, string | undefined>>) {
  const entries = (env[variable] ?? "").split(/\s+/).filter((entry) => entry !== "");
  if (entries.length === 0) throw new Error(`variable ${variable} is empty`);
  return entries.map((entry, index) => {
    const colon = entry.indexOf(":");
    // Not shown: it may be a password that somebody has forgotten to hash.
    if (colon < 1) throw new Error(`entry ${index + 1} of ${variable} must be name:hash`);
    return [entry.slice(0, colon), entry.slice(colon + 1)] as const;
  });
}

type Tokens = readonly (readonly [name: string, hash: Buffer])[];

function readTokens(variable: string, env: Readonly<Record<string, string | undefined>>): Tokens {
  return entriesIn(variable, env).map(([name, hash]) => {
    if (!/^[0-9a-f]{64}$/i.test(hash)) {
      throw new Error(`the hash of "${name}" in ${variable} must be a sha256 in hex`);
    }
    return [name, Buffer.from(hash, "hex")];
  });
}

/** Whose token it is. Takes as long for any token: all are compared, and each to its end. */
function nameOfToken(tokens: Tokens, token: string): string | null {
  const given = createHash("sha256").update(token).digest();
  let found: string | null = null;
  for (const [name, hash] of tokens) if (timingSafeEqual(given, hash)) found = name;
  return found;
}

class Passwords {
  readonly #hashes: ReadonlyMap<string, string>;
  readonly #nowMs: () => number;
  /** For names that are not there, so that they take as long to refuse. */
  readonly #decoy: string;
  /** Credentials are remembered under a key that nobody else can compute. */
  readonly #secret = randomBytes(32);
  readonly #remembered = new Map<string, number>();
  #checks = 0;
  readonly #waiting: (() => void)[] = [];

  private constructor(hashes: ReadonlyMap<string, string>, decoy: string, nowMs: () => number) {
    this.#hashes = hashes;
    this.#decoy = decoy;
    this.#nowMs = nowMs;
  }

  static async read(
    variable: string,
    env: Readonly<Record<string, string | undefined>>,
    nowMs: () => number,
  ): Promise<Passwords> {
    const hashes = new Map(entriesIn(variable, env));
    for (const [name, hash] of hashes) {
      // A hash that is none is found here, not at the first login.
      if (
        /^\$(?:argon2|2[aby]\$)/.test(hash) &&
        (await Bun.password.verify("x", hash).catch(() => null)) !== null
      )
        continue;
      throw new Error(`the hash of "${name}" in ${variable} must be one of Bun.password.hash`);
    }
    const [first = ""] = hashes.values();
    return new Passwords(hashes, first, nowMs);
  }

  /** No further check can be taken. */
  get isBusy(): boolean {
    return this.#waiting.length >= waitingMax;
  }

  isRemembered(credentials: string): boolean {
    if (this.#remembered.size === 0) return false;
    const untilMs = this.#remembered.get(this.#keyOf(credentials));
    return untilMs !== undefined && this.#nowMs() < untilMs;
  }

  async check(name: string, password: string, credentials: string): Promise<boolean> {
    // Whoever is done hands its place on.
    if (this.#checks >= checksMax)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#checks += 1;
    try {
      const hash = this.#hashes.get(name);
      const isRight = await Bun.password.verify(password, hash ?? this.#decoy);
      if (!isRight || hash === undefined) return false;
      this.#remember(credentials);
      return true;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#checks -= 1;
      else next();
    }
  }

  #remember(credentials: string): void {
    const key = this.#keyOf(credentials);
    this.#remembered.delete(key);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= rememberedMax && oldest !== undefined)
      this.#remembered.delete(oldest);
    this.#remembered.set(key, this.#nowMs() + rememberedMs);
  }

  #keyOf(credentials: string): string {
    return createHmac("sha256", this.#secret).update(credentials).digest("base64");
  }
}
