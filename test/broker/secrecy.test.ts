/** Goal: whoever reads what a broker says cannot become a deployment or a supervisor. Method: a process at its loudest. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mintWorkloadDeploymentToken } from "@trigger.dev/core/v3";
import { until } from "../../src/base/until-for-tests.ts";
import { BrokerProcess } from "./broker-process.ts";
import { messageOf } from "./message.ts";

const tokenSecret = "the-secret-of-the-supervisor";
const dispatchToken = "of-supervisors-alone";
const authorization = `Bearer ${dispatchToken}`;
const expiresAtSeconds = 1_956_528_000;

let broker: BrokerProcess;
beforeAll(async () => {
  broker = await BrokerProcess.start({
    flags: ["--log-level", "info", "--drain-ms", "0", "--token-enforcement", "enforce"],
    env: { LEVAIN_BROKER_TOKEN_SECRET: tokenSecret, LEVAIN_BROKER_DISPATCH_TOKEN: dispatchToken },
  });
});
afterAll(() => broker[Symbol.asyncDispose]());

function poll(token: string, ended: AbortSignal, controller = "controller_1"): Promise<Response> {
  return fetch(`${broker.origin}/warm-start`, {
    headers: {
      "x-trigger-deployment-id": token,
      "x-trigger-deployment-version": "20260101.1",
      "x-trigger-machine-cpu": "0.5",
      "x-trigger-machine-memory": "1",
      "x-trigger-workload-controller-id": controller,
    },
    signal: ended,
  });
}

test("no line, answer, status or metric has a token of a deployment or of a supervisor", async () => {
  const deployment = "deployment_secret";
  const token = await mintWorkloadDeploymentToken(
    {
      deployment,
      deployment_version: "20260101.1",
      environment_id: "env_1",
      environment_type: "PRODUCTION",
      org_id: "org_1",
      project_id: "proj_1",
    },
    tokenSecret,
    expiresAtSeconds,
  );
  const [head, payload, signature] = token.split(".") as [string, string, string];
  const wrong = [`${head}.${payload}.${signature.slice(2)}AA`, `${head}.e30.${signature}`];
  const ended = new AbortController();
  const said: string[] = [];

  for (const refused of wrong) {
    const answer = await poll(refused, ended.signal);
    said.push(await answer.text(), JSON.stringify([...answer.headers]));
    expect(answer.status).toBe(401);
  }
  const delivered = poll(token, ended.signal);
  await until(async () => (await read("/status")).includes(deployment));
  const key = { deployment, version: "20260101.1", cpu: 0.5, memory: 1 };
  for (const shown of [authorization, `${authorization}-not`]) {
    const answer = await fetch(`${broker.dispatchOrigin}/warm-start`, {
      method: "POST",
      headers: { authorization: shown, "content-type": "application/json" },
      body: JSON.stringify({ dequeuedMessage: messageOf(key, "run_1", "snapshot_1") }),
    });
    said.push(await answer.text(), JSON.stringify([...answer.headers]));
  }
  const message = await delivered;
  said.push(JSON.stringify([...message.headers]), message.url);
  void poll(token, ended.signal, "controller_2").catch(() => {});
  await until(async () => (await read("/status")).includes(deployment));
  said.push(await read("/status"), await read("/metrics"));
  ended.abort();
  await broker.drain();
  said.push(...broker.output);

  expect(broker.dispatches).toHaveLength(1);
  expect(broker.dispatches[0]!.didWarmStart).toBeTrue();
  const secrets = [head, payload, signature.slice(2), tokenSecret, dispatchToken];
  for (const secret of secrets) expect(said.filter((text) => text.includes(secret))).toEqual([]);
});

async function read(path: string): Promise<string> {
  const response = await fetch(`${broker.dispatchOrigin}${path}`, { headers: { authorization } });
  return await response.text();
}
