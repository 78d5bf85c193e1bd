/** Goal: what a broker says of itself is whole and can be read by what reads it. Method: a real broker, real requests. */
import { afterEach, describe, expect, test } from "bun:test";
import { readExposition } from "../telemetry/exposition-for-tests.ts";
import { BROKER_FAMILIES } from "./broker-metrics.ts";
import { openBroker, type RunningBroker } from "./open-broker.ts";
import { readBrokerConfig } from "./read-settings.ts";
import { brokerStatus } from "./status-api.ts";

const opened: RunningBroker[] = [];
afterEach(() => {
  for (const broker of opened.splice(0)) broker.stop();
});

async function open(flags: Record<string, string> = {}) {
  const config = readBrokerConfig({ env: {}, flags: { port: "0", dispatchPort: "0", ...flags } });
  const lines: string[] = [];
  const broker = await openBroker(config, {
    version: "1.2.3",
    filesMax: Number.POSITIVE_INFINITY,
    sink: async (text) => void lines.push(text),
  });
  opened.push(broker);
  const at = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${broker.dispatchPort}${path}`, init);
  return { broker, at, lines };
}

test("/status is what its schema says, with nothing beside", async () => {
  const { broker, at } = await open();

  const status = brokerStatus.strict().parse(await (await at("/status")).json());

  expect(status).toMatchObject({
    version: "1.2.3",
    port: broker.port,
    dispatchPort: broker.dispatchPort,
    isOn: true,
    isDraining: false,
    waiters: { parked: 0, max: 50_000, top: [] },
  });
});

describe("/metrics", () => {
  test("can be read by Prometheus, and has every family", async () => {
    const { at } = await open();

    const answer = await at("/metrics");
    const read = readExposition(await answer.text());

    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect([...read.keys()]).toEqual(
      expect.arrayContaining(BROKER_FAMILIES.map(({ name }) => name)),
    );
    expect(read.get("levain_broker_build_info")?.samples[0]?.labels.release).toBe("1.2.3");
    expect(read.get("levain_broker_claim_duration_seconds")?.type).toBe("histogram");
  });

  test("labels are of fixed sets, but for the keys with the most waiters, which are few", async () => {
    const { broker, at } = await open();
    const ended = new AbortController();
    const polls = Array.from({ length: 30 }, (_, index) =>
      fetch(`http://127.0.0.1:${broker.port}/warm-start`, {
        signal: ended.signal,
        headers: {
          "x-trigger-workload-controller-id": `controller_${index}`,
          "x-trigger-deployment-id": `deployment_${index}"`,
          "x-trigger-deployment-version": "1",
          "x-trigger-machine-cpu": "1",
          "x-trigger-machine-memory": "1",
        },
      }).catch(() => null),
    );
    while (broker.status().waiters.parked < 30) await new Promise((go) => setImmediate(go));

    const read = readExposition(await (await at("/metrics")).text());
    ended.abort();
    await Promise.all(polls);

    expect(read.get("levain_broker_keys")?.samples[0]?.value).toBe(30);
    expect(read.get("levain_broker_key_waiters")?.samples).toHaveLength(20);
  });
});

describe("/control", () => {
  const post = (body: string): RequestInit => ({ method: "POST", body });

  test("switches, and answers with the status", async () => {
    const { broker, at, lines } = await open();

    const off = await at("/control", post('{"isOn": false}'));

    expect(await off.json()).toMatchObject({ isOn: false });
    expect(broker.status().isOn).toBe(false);
    broker.stop();
    await broker.drain();
    expect(lines.join("")).toContain("Switched off");
  });

  test.each(["", "{}", "[]", '{"isOn": 1}', '{"isOn": true, "later": true}', "\u0000"])(
    "%j switches nothing",
    async (body) => {
      const { broker, at } = await open();

      const answer = await at("/control", post(body));

      expect(answer.status).toBe(400);
      expect(broker.status().isOn).toBe(true);
    },
  );

  test("a page in a browser beside it switches nothing", async () => {
    const { broker, at } = await open();
    const headers = { origin: "https://example.com", "content-type": "text/plain" };

    const answer = await at("/control", { ...post('{"isOn": false}'), headers });

    expect(answer.status).toBe(401);
    expect(broker.status().isOn).toBe(true);
  });

  test("another method is told so", async () => {
    const { at } = await open();

    expect((await at("/control")).status).toBe(405);
  });
});
