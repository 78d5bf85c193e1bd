/** A small broker in the test's own process, with the misbehaviour that a load generator has to notice. */

/** `good` answers at once, `offering` after a redirect; `losing` and `doubling` do so to every tenth message. */
export type TestBrokerKind = "good" | "offering" | "losing" | "doubling" | "failing";

export interface TestBroker extends AsyncDisposable {
  url: string;
  /** Dispatches that it took. */
  dispatches: number;
}

type Settle = (response: Response) => void;

export function startTestBroker(kind: TestBrokerKind): TestBroker {
  const waiting = new Map<string, Settle[]>();
  const claims = new Map<string, (settle: Settle) => void>();
  let count = 0;

  const park = (request: Request) =>
    new Promise<Response>((settle) => {
      const lease = new URL(request.url).searchParams.get("lease");
      const claim = lease === null ? undefined : claims.get(lease);
      if (claim !== undefined) return claim(settle);
      const key = pollKey(request.headers);
      waiting.set(key, [...(waiting.get(key) ?? []), settle]);
      // Or tests of brokers that never settle would be what is tested.
      request.signal.addEventListener("abort", () => settle(new Response(null, { status: 499 })));
    });

  const dispatch = async (request: Request) => {
    const number = count++;
    if (kind === "failing") return new Response(null, { status: 503 });
    const { dequeuedMessage: message } = (await request.json()) as { dequeuedMessage: object };
    const stack = waiting.get(messageKey(message));
    const settle = stack?.pop();
    if (settle === undefined) return Response.json({ didWarmStart: false });
    const isOdd = number % 10 === 9;
    if (kind === "losing" && isOdd) stack?.unshift(settle);
    else if (kind === "offering") {
      const lease = String(number);
      const { promise, resolve } = Promise.withResolvers<Settle>();
      claims.set(lease, resolve);
      settle(
        new Response(null, { status: 307, headers: { location: `/warm-start?lease=${lease}` } }),
      );
      (await promise)(Response.json(message));
    } else settle(Response.json(message));
    if (kind === "doubling" && isOdd) stack?.pop()?.(Response.json(message));
    return Response.json({ didWarmStart: true });
  };

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    routes: {
      "/connect": Response.json({ connectionTimeoutMs: 10_000, keepaliveMs: 60_000 }),
      "/warm-start": { GET: park, POST: dispatch },
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    get dispatches() {
      return count;
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function pollKey(headers: Headers): string {
  const names = ["deployment-id", "deployment-version", "machine-cpu", "machine-memory"];
  return names.map((name) => headers.get(`x-trigger-${name}`)).join(" ");
}

// biome-ignore lint/suspicious/noExplicitAny: a message as it came
function messageKey({ deployment, backgroundWorker, run }: any): string {
  const { cpu, memory } = run.machine;
  return [deployment.friendlyId, backgroundWorker.version, cpu, memory].join(" ");
}
