/**
 * What a client library has to be able to do to be tested for recovery, and the app that it is tested in: asked over HTTP,
 * it works on its pool and says how each query went.
 *
 *   GET /round?queries=10&holdMs=50&deadlineMs=5000    queries at once, each on a connection of its own
 *   GET /arm?afterMs=1000&queries=…                    the same by a timer
 *   GET /armed                                         how that went
 *   GET /bake?ids=7&deadlineMs=5000                    adds a row outside a transaction
 *   GET /bake-together?ids=7,8&holdMs=5&deadlineMs=…   adds rows in a transaction
 *   GET /clock?byMs=3600000                            the app's clock jumps
 *
 * A timer that is due when a frozen app wakes runs before the app has seen what became of its connections: the hardest
 * moment for a query.
 *
 * Imports nothing: it runs on the Bun that is being tested, which may be older than the one Levain needs.
 */

/** A pool of a client library, with the options that it has by default. */
export interface RecoveryClient {
  /** As people call it. */
  name: string;
  /** Connections that its pool has by default. Count. */
  connectionsMax: number;
  /** Runs one statement outside a transaction; it takes `holdMs` at the server. Returns `value`. */
  ask(value: number, holdMs: number): Promise<number>;
  /** Adds a row to the table `loaves` outside a transaction. */
  bake(id: number): Promise<void>;
  /** Adds rows to `loaves` in one transaction, `holdMs` after the first. */
  bakeTogether(ids: readonly number[], holdMs: number): Promise<void>;
}

/** How one query went. */
export interface QueryOutcome {
  kind: "ok" | "failed" | "hung";
  /** Until the answer or the deadline. Milliseconds. */
  tookMs: number;
  /** Of a query that failed, else null. */
  error: string | null;
}

/** What a timer asked. */
export interface ArmedRound {
  /** When it ran, by the machine's clock. Milliseconds since 1970. */
  ranAtMs: number;
  outcomes: QueryOutcome[];
}

export interface RecoveryApp {
  fetch(request: Request): Promise<Response>;
}

/** The app around a client. */
export function recoveryApp(client: RecoveryClient): RecoveryApp {
  let values = 0;
  let armed: Promise<ArmedRound> | null = null;
  const round = (asked: URLSearchParams) => {
    const queries = Array.from({ length: numberIn(asked, "queries") }, () => {
      values += 1;
      const value = values;
      return outcomeOf(
        async () => {
          const answer = await client.ask(value, numberIn(asked, "holdMs"));
          if (Number(answer) !== value) throw new Error(`asked for ${value}, was given ${answer}`);
        },
        numberIn(asked, "deadlineMs"),
      );
    });
    return Promise.all(queries);
  };
  return {
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      const ids = (searchParams.get("ids") ?? "").split(",").map(Number);
      const holdMs = numberIn(searchParams, "holdMs");
      const deadlineMs = numberIn(searchParams, "deadlineMs");
      if (pathname === "/bake") {
        return Response.json(await outcomeOf(() => client.bake(ids[0]!), deadlineMs));
      }
      if (pathname === "/bake-together") {
        return Response.json(await outcomeOf(() => client.bakeTogether(ids, holdMs), deadlineMs));
      }
      if (pathname === "/clock") jump(numberIn(searchParams, "byMs"));
      else if (pathname === "/armed") return Response.json(await armed);
      else if (pathname === "/round") return Response.json(await round(searchParams));
      else if (pathname === "/arm") {
        armed = new Promise((resolve) => {
          setTimeout(
            async () => {
              const ranAtMs = performance.timeOrigin + performance.now();
              resolve({ ranAtMs, outcomes: await round(searchParams) });
            },
            numberIn(searchParams, "afterMs"),
          );
        });
      } else return new Response(null, { status: 404 });
      return Response.json({});
    },
  };
}

function numberIn(parameters: URLSearchParams, name: string): number {
  return Number(parameters.get(name) ?? "0");
}

/** Runs one piece of work and says how it went, at the latest after `deadlineMs`. Never rejects. */
export function outcomeOf(work: () => Promise<unknown>, deadlineMs: number): Promise<QueryOutcome> {
  const startMs = performance.now();
  const took = () => Math.round(performance.now() - startMs);
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => resolve({ kind: "hung", tookMs: took(), error: null }),
      deadlineMs,
    );
    const end = (outcome: QueryOutcome) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    // A library that throws at once counts like one that rejects.
    (async () => work())().then(
      () => end({ kind: "ok", tookMs: took(), error: null }),
      (error) => end({ kind: "failed", tookMs: took(), error: describe(error) }),
    );
  });
}

/** Message of an error with what it was caused by, where that says more. */
function describe(error: unknown): string {
  const { message, code, cause } = Object(error) as {
    message?: string;
    code?: string;
    cause?: unknown;
  };
  const own = [code, message].filter((part) => typeof part === "string" && part !== "").join(": ");
  return cause === undefined || cause === null
    ? own || String(error)
    : `${own} (${describe(cause)})`;
}

/** What an app sees when the machine's clock is set: `Date` jumps, timers and `performance.now` do not. */
function jump(byMs: number): void {
  const RealDate = Date;
  const now = () => RealDate.now() + byMs;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given, self) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, self),
    get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
  });
}
