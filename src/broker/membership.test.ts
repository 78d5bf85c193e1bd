import { afterEach, describe, expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import { peerCheckTimeoutMs, peerHealthBytesMax } from "./limits.ts";
import { createMembership, type MembershipOptions } from "./membership.ts";
import { checkPeer, readHealth } from "./peer-check.ts";
import { baseUrlOf, isOwnAddress, peerUrls, readPeersDns, resolvePeers } from "./peer-names.ts";
import type { Membership } from "./trust-api.ts";

const keys = Array.from({ length: 60 }, (_, index) => `deployment_${index}`);
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

/** Answers `/healthz` on a port of its own, as long as it is not stopped. */
function listen(handler: (request: Request) => Response | Promise<Response>, port = 0) {
  const server = Bun.serve({ port, hostname: "127.0.0.1", fetch: handler });
  endings.push(() => server.stop(true));
  return { port: server.port!, url: `http://127.0.0.1:${server.port}`, server };
}

interface Broker {
  url: string;
  port: number;
  membership: Membership;
  notes: string[];
  server: Bun.Server<undefined>;
  /** How often anybody looked at its health. */
  checks: number;
}

function knowsItself({ membership }: Broker): boolean {
  return membership.facts().members.some(({ isSelf }) => isSelf);
}

/** Brokers that differ in nothing but their sockets, and know the name "localhost" of each by nothing but its port. */
function startBrokers(
  count: number,
  more: Partial<MembershipOptions["config"]> = {},
  checkMs = 20,
): Broker[] {
  const brokers: Broker[] = [];
  for (let index = 0; index < count; index += 1) {
    const listening = listen(() => {
      brokers[index]!.checks += 1;
      return new Response(brokers[index]!.membership.healthBody);
    });
    // By name, so that it takes an answer to tell which one is whose.
    brokers.push({ ...listening, url: `http://localhost:${listening.port}`, checks: 0 } as Broker);
  }
  const peers = brokers.map(({ url }) => url);
  for (const [index, broker] of brokers.entries()) {
    const notes: string[] = [];
    const config = { peers, peersDns: null, selfUrl: null, ...more };
    const id = `id-${index}`;
    const membership = createMembership({
      config,
      id,
      note: (line) => notes.push(line),
      checkMs,
    });
    endings.push(() => membership.close());
    Object.assign(broker, { membership, notes });
  }
  for (const { membership, port } of brokers) membership.start({ port, dispatchPort: port });
  return brokers;
}

function startNamed(peers: string[], port: number) {
  const notes: string[] = [];
  const membership = createMembership({
    config: { peers, peersDns: null, selfUrl: null },
    id: "id",
    note: (line) => notes.push(line),
    checkMs: 20,
  });
  endings.push(() => membership.close());
  membership.start({ port, dispatchPort: port });
  return { membership, notes };
}

const doAgree = (brokers: readonly Broker[]) =>
  keys.every((key) => {
    const owners = brokers.map(({ membership, url }) => membership.ownerOf(key) ?? url);
    return new Set(owners).size === 1 && brokers.some(({ url }) => url === owners[0]);
  });

describe("three brokers", () => {
  test("find themselves among the others, and agree on who owns what", async () => {
    const brokers = startBrokers(3);

    await until(() => brokers.every(knowsItself) && doAgree(brokers));
    expect(brokers.map(({ membership }) => membership.facts().members.length)).toEqual([3, 3, 3]);

    const selves = brokers.map(({ membership }) => membership.facts().members);
    for (const [index, members] of selves.entries()) {
      expect(members.filter(({ isSelf }) => isSelf).map(({ url }) => url)).toEqual([
        brokers[index]!.url,
      ]);
    }
  });

  test("share out the keys of one that dies, and give them back when it has returned", async () => {
    const brokers = startBrokers(3);
    const [first, second, third] = brokers as [Broker, Broker, Broker];
    await until(() => brokers.every(knowsItself) && doAgree(brokers));
    const before = keys.map((key) => first.membership.ownerOf(key));
    let told = 0;
    first.membership.onChange(() => (told += 1));

    await third.server.stop(true);
    await until(() => doAgree([first, second]));
    expect(told).toBe(1);
    expect(first.notes).toEqual([
      `the broker ${third.url} does not answer: its keys are others' now`,
    ]);

    listen(() => new Response('{"broker":"id-anew"}'), third.port);
    await until(() => keys.every((key, index) => first.membership.ownerOf(key) === before[index]));
    expect(told).toBe(2);
    expect(first.notes.slice(1)).toEqual([
      `the broker ${third.url} answers again: its keys are its own`,
    ]);
  });

  test("look once more, some checks after a change, at what landed by another idea of who serves", async () => {
    const brokers = startBrokers(2);
    const [broker] = brokers as [Broker, Broker];
    const { membership } = broker;
    /** Which change listeners were told of, each time. */
    const told: number[] = [];
    const timesOf = (change: number) => told.filter((each) => each === change).length;
    membership.onChange(() => {
      told.push(membership.facts().changes);
      // At once: another broker may take so long to agree that it would be too late for this change.
      membership.landed("other");
    });
    await until(() => knowsItself(broker) && doAgree(brokers));
    const { changes } = membership.facts();

    await until(() => timesOf(changes) === 2);
    const checksNow = broker.checks;
    await until(() => broker.checks > checksNow + 20);

    expect(membership.facts().changes).toBe(changes);
    expect(timesOf(changes)).toBe(2);
  });

  test("count what lands by another idea of who serves", async () => {
    const brokers = startBrokers(2);
    await until(() => doAgree(brokers));
    const { membership } = brokers[0]!;

    membership.landed(membership.epoch);
    membership.landed("other");

    expect(membership.facts()).toMatchObject({ landed: 2, disagreed: 1 });
  });
});

test("a broker without peers asks nobody, and owns everything", () => {
  const { membership } = startBrokers(1, { peers: [] })[0]!;

  expect(membership.isAlone).toBeTrue();
  expect(membership.ownerOf("key")).toBeNull();
  expect(membership.facts()).toMatchObject({ members: [], checkFailures: 0 });
});

test("a broker that cannot find itself says what to set", async () => {
  const other = listen(() => new Response('{"broker":"other"}'));

  const { notes } = startBrokers(1, { peers: [other.url] })[0]!;

  // Beside the line for a peer that has not answered by then.
  await until(() => notes.length > 0);
  expect(notes[0]).toContain("--self-url");
});

test("a peer that has never answered is named once", async () => {
  const gone = listen(() => new Response());
  await gone.server.stop(true);
  const own = listen(() => new Response(started.membership.healthBody));

  const started = startNamed([own.url, gone.url], own.port);

  const named = () => started.notes.filter((line) => line.includes("have not answered yet"));
  await until(() => named().length > 0);
  expect(named()).toEqual([`these brokers have not answered yet: ${gone.url}`]);
});

describe("a name whose addresses are the brokers", () => {
  function start(resolve: () => Promise<string[]>) {
    const notes: string[] = [];
    const membership = createMembership({
      config: { peers: [], peersDns: "brokers.test:8080", selfUrl: null },
      id: "id-0",
      note: (line) => notes.push(line),
      resolve,
      checkMs: 20,
      lookMs: 20,
    });
    endings.push(() => membership.close());
    membership.start({ port: 8080, dispatchPort: 8080 });
    return { membership, notes };
  }

  test("is looked up again: who is new is asked, who is missing twice is forgotten", async () => {
    const one = listen(() => new Response('{"broker":"one"}'));
    const two = listen(() => new Response('{"broker":"two"}'));
    let found = [one.url];
    const { membership } = start(async () => found);
    const healthy = () =>
      membership.facts().members.flatMap(({ url, isHealthy }) => (isHealthy ? [url] : []));
    await until(() => healthy().length === 1);

    found = [one.url, two.url];
    await until(() => healthy().length === 2);

    found = [two.url];
    await until(() => healthy().length === 1);
    expect(healthy()).toEqual([two.url]);
  });

  test("that cannot be looked up leaves the brokers as they were, and is said once", async () => {
    const one = listen(() => new Response('{"broker":"one"}'));
    let isDown = false;
    const { membership, notes } = start(async () => {
      if (isDown) throw new Error("queryA ETIMEOUT");
      return [one.url];
    });
    await until(() => membership.ownerOf("key") === one.url);

    isDown = true;
    await until(() => membership.facts().resolveFailures > 3);

    expect(membership.ownerOf("key")).toBe(one.url);
    expect(notes.filter((line) => line.includes("ETIMEOUT"))).toHaveLength(1);
  });

  test("is resolved as the system does, to one base URL for each broker", async () => {
    expect(await resolvePeers("localhost", 8080)).toContain("http://127.0.0.1:8080");
    expect(
      peerUrls(
        [
          { address: "fd00::1", family: 6 },
          { address: "10.0.0.1", family: 4 },
          { address: "10.0.0.1", family: 4 },
        ],
        80,
      ),
    ).toEqual(["http://10.0.0.1"]);
    expect(peerUrls([{ address: "fd00::1", family: 6 }], 8080)).toEqual(["http://[fd00::1]:8080"]);
  });
});

describe("a check fails", () => {
  const never = new AbortController().signal;

  test.each([
    ["for another program", () => new Response("ok")],
    ["for a broker that does not serve", () => new Response('{"broker":"x"}', { status: 503 })],
    ["for a redirect", () => Response.redirect("http://127.0.0.1:1/healthz")],
    ["for an endless answer", () => new Response(" ".repeat(peerHealthBytesMax + 1))],
    ["for a silent one", () => new Promise<Response>(() => {})],
  ])("%s", async (_what, handler) => {
    const { url } = listen(handler);

    expect(await checkPeer(url, never)).toBe("failed");
  });

  test("as refused where nobody listens", async () => {
    const { url, server } = listen(() => new Response(""));
    await server.stop(true);

    expect(await checkPeer(url, never)).toBe("refused");
  });

  test("for a broker that has no room for another connection, which is not gone", async () => {
    const full = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { open: (socket) => void socket.terminate(), data() {} },
    });
    endings.push(() => full.stop(true));

    expect(await checkPeer(`http://127.0.0.1:${full.port}`, never)).toBe("failed");
  });
});

test("a check is not late because this process stood still for longer than it may take", async () => {
  const peer = listen(() => new Response('{"broker":"x"}'));

  const checking = checkPeer(peer.url, new AbortController().signal);
  Bun.sleepSync(1.2 * peerCheckTimeoutMs);

  expect(await checking).toEqual({ broker: "x", dispatchPort: null });
});

test("a peer that refuses is asked again before the next round, and is out when it does so twice", async () => {
  const [first, second] = startBrokers(2, {}, 2000) as [Broker, Broker];
  await until(() => doAgree([first, second]) && knowsItself(first));
  second.membership.close();
  await second.server.stop(true);
  const checksBefore = first.checks;

  // Each round looks at itself, too, and hears that sooner or later than the refusal.
  await until(() => first.membership.facts().checkFailures > 0 && first.checks > checksBefore);
  const checksNow = first.checks;
  await until(() => first.notes.length === 1);

  expect(first.notes[0]).toContain("does not answer");
  expect(first.membership.facts().checkFailures).toBe(2);
  expect(first.checks).toBe(checksNow);
});

test("an answer to a check is read strictly where it matters, and may have more in it", () => {
  const said = ['{"broker":"x","dispatchPort":9090,"more":1}', '{"broker":"x"}', "[]", "null", ""];
  said.push(
    '{"broker":5}',
    '{"broker":"x","dispatchPort":"9090"}',
    '{"broker":"x","dispatchPort":0}',
  );

  expect(said.map(readHealth)).toEqual([
    { broker: "x", dispatchPort: 9090 },
    { broker: "x", dispatchPort: null },
    ...Array<null>(6).fill(null),
  ]);
});

test("base URLs are compared in one form; what would get lost is no base URL", () => {
  const texts = ["http://A.test:80/", "http://a.test:8080", "https://a.test/x", "http://u@a.test"];

  expect([...texts, "ftp://a.test", "a.test:80", "http://a.test/?b"].map(baseUrlOf)).toEqual([
    "http://a.test",
    "http://a.test:8080",
    ...Array<null>(5).fill(null),
  ]);
  expect(["a.test:80", "a.test", "a.test:0", "a b:80", "a.test:99999"].map(readPeersDns)).toEqual([
    { name: "a.test", port: 80 },
    ...Array<null>(4).fill(null),
  ]);
  expect(isOwnAddress("http://127.0.0.1:8080", 8080)).toBeTrue();
  expect(isOwnAddress("http://[::1]:8080", 8081)).toBeFalse();
  expect(isOwnAddress("http://192.0.2.1:8080", 8080)).toBeFalse();
});
