/** Goal: what comes to the wrong broker gets to the right one. Method: two servers with the real core, redirects followed by hand. */
import { afterEach, expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { createMembership } from "./membership.ts";
import { startTestServer, type TestServer } from "./server-for-tests.ts";
import type { Membership } from "./trust-api.ts";

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

interface Peer extends TestServer {
  membership: Membership;
}

async function startPeers(changes: Partial<BrokerConfig> = {}): Promise<[Peer, Peer]> {
  const peers: string[] = [];
  const started = ["one", "two"].map((id): Peer => {
    const config = { peers, peersDns: null, selfUrl: null };
    const membership = createMembership({ config, id, note: () => {}, checkMs: 20 });
    const server = startTestServer(
      { claimTimeoutMs: 5000, dispatchTimeoutMs: 5000, ...changes },
      membership,
    );
    endings.push(() => {
      membership.close();
      server[Symbol.dispose]();
    });
    peers.push(server.url);
    return { ...server, membership };
  }) as [Peer, Peer];
  for (const { membership, server } of started) membership.start(server);
  await until(() =>
    started.every(({ membership }) =>
      membership.facts().members.every(({ isHealthy }) => isHealthy),
    ),
  );
  return started;
}

/** The owner of a deployment's key, and the other. */
function sides(peers: readonly [Peer, Peer], deployment: string): { owner: Peer; other: Peer } {
  const key = `${deployment}\x001\x000.5\x001`;
  const [one, two] = peers;
  return one.membership.ownerOf(key) === null
    ? { owner: one, other: two }
    : { owner: two, other: one };
}

function poll(url: string, deployment: string): Promise<Response> {
  return fetch(url, {
    redirect: "manual",
    headers: {
      "x-trigger-deployment-id": deployment,
      "x-trigger-deployment-version": "1",
      "x-trigger-machine-cpu": "0.5",
      "x-trigger-machine-memory": "1",
      "x-trigger-workload-controller-id": "controller_1",
    },
  });
}

function dispatch(url: string, deployment: string, headers = {}): Promise<Response> {
  const dequeuedMessage = {
    ...{ version: "1", dequeuedAt: "2026-11-21T10:00:00.000Z", completedWaitpoints: [] },
    snapshot: {
      ...{ id: "s", friendlyId: "snapshot_1", executionStatus: "PENDING_EXECUTING" },
      ...{ description: "", createdAt: "2026-11-21T10:00:00.000Z" },
    },
    backgroundWorker: { id: "w", friendlyId: "worker_1", version: "1" },
    deployment: { friendlyId: deployment },
    run: {
      ...{ id: "r", friendlyId: "run_1", isTest: false, attemptNumber: 1, masterQueue: "main" },
      machine: { name: "small-1x", cpu: 0.5, memory: 1, centsPerMs: 0.00003 },
      traceContext: {},
    },
    ...{
      environment: { id: "e", type: "PRODUCTION" },
      organization: { id: "o" },
      project: { id: "p" },
    },
  };
  return fetch(url, {
    method: "POST",
    redirect: "manual",
    headers,
    body: JSON.stringify({ dequeuedMessage }),
  });
}

const locationOf = (response: Response) => response.headers.get("location") ?? "";

test("a poll and a dispatch are sent to the owner, once", async () => {
  const peers = await startPeers();
  const { owner, other } = sides(peers, "deployment_a");

  const polled = await poll(`${other.url}/warm-start`, "deployment_a");
  const dispatched = await dispatch(`${other.url}/warm-start`, "deployment_a");

  const { epoch } = owner.membership;
  expect([polled.status, locationOf(polled)]).toEqual([
    307,
    `${owner.url}/warm-start?h=1&e=0&m=${epoch}`,
  ]);
  expect([dispatched.status, locationOf(dispatched)]).toEqual([
    307,
    `${owner.url}/warm-start?m=${epoch}`,
  ]);

  const landed = await dispatch(`${other.url}/warm-start?m=${epoch}`, "deployment_a");
  expect(await landed.text()).toBe('{"didWarmStart":false}');
  expect(other.membership.facts()).toMatchObject({ landed: 1, disagreed: 0 });
});

test("a claim that comes to another broker than the offer's gets to it, in time", async () => {
  const peers = await startPeers();
  const { owner, other } = sides(peers, "deployment_b");
  const offered = poll(`${owner.url}/warm-start`, "deployment_b");
  await until(() => owner.core.facts().parked === 1);
  const verdict = dispatch(`${owner.url}/warm-start`, "deployment_b");
  const offer = locationOf(await offered);

  // As a client does that knows all brokers by one name.
  const elsewhere = await poll(`${other.url}${offer}`, "deployment_b");
  const claimed = await poll(locationOf(elsewhere), "deployment_b");

  expect(locationOf(elsewhere)).toStartWith(`${owner.url}/warm-start?lease=`);
  expect(claimed.status).toBe(200);
  expect(await (await verdict).text()).toBe('{"didWarmStart":true}');
});

test("what a client puts in the place of a lease is not handed on", async () => {
  const peers = await startPeers();
  const { owner, other } = sides(peers, "deployment_c");

  const answer = await poll(`${other.url}/warm-start?lease=%0d%0ax&h=3`, "deployment_c");

  const { epoch } = owner.membership;
  expect(locationOf(answer)).toBe(`${owner.url}/warm-start?h=4&e=0&m=${epoch}`);
});

test("a dispatch that showed the token is let in where it is sent, and nobody else", async () => {
  const peers = await startPeers({ dispatchToken: "of-supervisors-alone" });
  const { other } = sides(peers, "deployment_d");
  const authorization = "Bearer of-supervisors-alone";

  const sent = await dispatch(`${other.url}/warm-start`, "deployment_d", { authorization });
  const location = locationOf(sent);
  const followed = await dispatch(location, "deployment_d");
  const forged = await dispatch(location.replace(/&v=.*/, "&v=1.x"), "deployment_d");
  const metrics = await fetch(`${other.url}/metrics?${location.split("?")[1]}`);

  expect(location).not.toContain("of-supervisors-alone");
  expect([sent.status, followed.status, forged.status, metrics.status]).toEqual([
    307, 200, 401, 401,
  ]);
});
