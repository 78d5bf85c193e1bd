/** What every hostile app is: an ordinary app at `/`, and at `/attack` one thing that it tries, with a report. */

/** What an attacker is told: more than it could find out. Every path and pid is real. */
export interface Target {
  /** Data directory of the node. */
  dataDir: string;
  /** Files of the node's own below it: keys, tables, sockets, logs; some of each kind. */
  nodeFiles: string[];
  nodePid: number;
  /** The edge's port, on 127.0.0.1. */
  port: number;
  adminPort: number;
  /** Folder of PostgreSQL's socket. */
  postgresSockets: string;
  /** An app that minds its own business, with its pid, its folders and something only it should know. */
  neighbour: { pid: number; artifact: string; run: string };
  /** The same; may be ended without harm to a measurement. */
  victim: { pid: number; run: string };
  /** A process without an app that stands ready, or 0. */
  sparePid: number;
  /** Of the machine's own, outside of Levain: TCP ports on 127.0.0.1, and sockets by path and by abstract name. */
  outside: { port: number; udpPort: number; socket: string; abstractName: string };
}

/** What came of one try: `got`, with what it was; or the errno, code or name of what stopped it. */
export type Outcome = string;

export type Report = Record<string, Outcome>;

type Try = () => unknown;

/** By what they try. */
export type Tries = Record<string, Try>;

/** Several of a kind: `got` when any of them is got, and its name in the log; else what stopped them, each once. */
export async function each<T>(
  things: readonly T[],
  attempt: (thing: T) => unknown,
): Promise<Outcome> {
  const outcomes = new Set<Outcome>();
  for (const thing of things) {
    const outcome = await outcomeOf(() => attempt(thing));
    if (outcome === "got") console.log(`got ${thing}`);
    outcomes.add(outcome);
  }
  return outcomes.has("got") ? "got" : [...outcomes].sort().join(", ");
}

/** What a try came to when nothing has answered it for this long; nothing here takes as long. Milliseconds. */
const tryTimeoutMs = 10_000;

/**
 * The app: each try on its own, one after the other, so that what one gets does not depend on the others.
 *
 * A try that returns a text reports it, one that returns anything else reports `got`.
 */
export function attack(tries: (target: Target) => Tries) {
  return {
    idleTimeout: 0,
    async fetch(request: Request): Promise<Response> {
      if (new URL(request.url).pathname !== "/attack") return new Response("harmless\n");
      return Response.json(await reportOf(tries((await request.json()) as Target)));
    },
  };
}

export async function reportOf(tries: Tries): Promise<Report> {
  const report: Report = {};
  for (const [name, attempt] of Object.entries(tries)) report[name] = await outcomeOf(attempt);
  return report;
}

/** Uses what it has got until it is ended for it; where nobody ends it, its request is answered. */
export async function stay(got: Outcome): Promise<Outcome> {
  await Bun.sleep(stayMs);
  return got;
}

/** Several looks of the node at its slowest. Milliseconds. */
const stayMs = 9000;

async function outcomeOf(attempt: Try): Promise<Outcome> {
  const silence = Promise.withResolvers<string>();
  const timer = setTimeout(() => silence.resolve("nothing"), tryTimeoutMs);
  try {
    const got = await Promise.race([attempt(), silence.promise]);
    return typeof got === "string" ? got : "got";
  } catch (error) {
    const { code, name, message } = error as Error & { code?: unknown };
    return typeof code === "string" ? code : `${name}: ${message}`;
  } finally {
    clearTimeout(timer);
  }
}
