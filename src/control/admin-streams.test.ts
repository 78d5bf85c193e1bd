import { describe, expect, test } from "bun:test";
import { createConnection } from "node:net";
import { asPlatformError, type ErrorBody, PlatformError } from "../base/errors.ts";
import { startTestNode, testDeployResult, waitUntil } from "./admin-deps-for-tests.ts";
import { type DeployEvent, ENDPOINTS } from "./api.ts";
import { streamBacklogBytesMax } from "./limits.ts";

async function errorOf(response: Response): Promise<ErrorBody> {
  const { error } = (await response.json()) as { error: ErrorBody };
  return error;
}

describe("deploy", () => {
  const events = async (response: Response): Promise<DeployEvent[]> =>
    (await response.text())
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => ENDPOINTS.deploy.stream.parse(JSON.parse(line)));

  test("streams the upload in and its events out, ending with done", async () => {
    await using node = await startTestNode();

    const response = await node.request("/v1/deploys?app=shop&branch=cart-fix", {
      method: "POST",
      body: new Uint8Array(3_000_000),
    });
    const lines = await events(response);

    expect(response.headers.get("content-type")).toStartWith("application/x-ndjson");
    expect(lines.map(({ type }) => type)).toEqual(["step", "step", "output", "done"]);
    expect(lines.at(-1)).toEqual({ type: "done", result: testDeployResult("shop", "cart-fix") });
    expect(node.happened).toEqual(["deploy shop cart-fix 3000000"]);
  });

  test("a deploy that fails ends with failed and its code", async () => {
    await using node = await startTestNode({
      deployer: {
        async deploy() {
          throw new PlatformError("BOOT_CRASHED", ["exit 1"], { detail: { lines: ["oops"] } });
        },
      },
    });

    const lines = await events(await node.request("/v1/deploys", { method: "POST", body: "x" }));

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      type: "failed",
      error: { code: "BOOT_CRASHED", detail: { lines: ["oops"] } },
    });
  });

  test("a node that stops tells the client of a deploy so before it closes", async () => {
    const started = Promise.withResolvers<void>();
    await using node = await startTestNode({
      deployer: {
        async deploy(upload, _query, emit, signal) {
          await new Response(upload).arrayBuffer();
          emit({ type: "step", step: "build" });
          const aborted = Promise.withResolvers<void>();
          signal.addEventListener("abort", () => aborted.resolve());
          started.resolve();
          await aborted.promise;
          throw signal.reason;
        },
      },
    });
    const answer = node.request("/v1/deploys", { method: "POST", body: "x" }).then(events);
    await started.promise;

    await node.server.stop();

    expect((await answer).at(-1)).toMatchObject({
      type: "failed",
      error: { code: "NODE_DRAINING" },
    });
  });

  test("a client that goes away while the build runs cancels it", async () => {
    const started = Promise.withResolvers<void>();
    const cancelled = Promise.withResolvers<void>();
    await using node = await startTestNode({
      deployer: {
        async deploy(upload, _query, emit, signal) {
          await new Response(upload).arrayBuffer();
          emit({ type: "step", step: "build" });
          signal.addEventListener("abort", () => cancelled.resolve());
          started.resolve();
          await cancelled.promise;
          throw signal.reason;
        },
      },
    });
    const client = new AbortController();
    const answer = node
      .request("/v1/deploys", { method: "POST", body: "x", signal: client.signal })
      .then((response) => response.text())
      .catch(() => {});
    await started.promise;

    client.abort();

    await cancelled.promise;
    await answer;
  });

  test("an upload that is cut off is an error for the deploy, never a short project", async () => {
    const seen = Promise.withResolvers<unknown>();
    const reading = Promise.withResolvers<void>();
    await using node = await startTestNode({
      deployer: {
        async deploy(upload) {
          const reader = upload.getReader();
          await reader.read();
          reading.resolve();
          const error = await reader.read().catch((thrown: unknown) => thrown);
          seen.resolve(error);
          throw error;
        },
      },
    });
    const { port } = node.server;
    const socket = createConnection(port, "127.0.0.1");
    socket.write(
      `POST /v1/deploys HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${node.token}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
    );
    await reading.promise;

    socket.destroy();

    expect(asPlatformError(await seen.promise)).toMatchObject({ code: "SOURCE_INVALID" });
  });

  test("a client that does not read loses build output, not the result, and costs no memory", async () => {
    const lineBytes = 1000;
    const lines = (streamBacklogBytesMax / lineBytes) * 20;
    const emitted = Promise.withResolvers<void>();
    await using node = await startTestNode({
      deployer: {
        async deploy(_upload, query, emit) {
          for (let index = 0; index < lines; index += 1) {
            emit({ type: "output", stream: "stdout", line: "x".repeat(lineBytes) });
            if (index % 1000 === 0) await Bun.sleep(0);
          }
          emitted.resolve();
          return testDeployResult(query.app ?? "shop", query.branch);
        },
      },
    });
    const response = await node.request("/v1/deploys?app=shop", { method: "POST", body: "x" });
    await emitted.promise;

    const text = await response.text();
    const last = JSON.parse(text.trimEnd().split("\n").at(-1) as string);

    expect(last.type).toBe("done");
    expect(text).toContain("lines left out");
    expect(text.length).toBeLessThan(streamBacklogBytesMax * 10);
  });
});

describe("logs", () => {
  test("records come one a line, selected by the query", async () => {
    await using node = await startTestNode();

    const response = await node.request("/v1/apps/shop/logs?grep=stock");
    const lines = (await response.text()).trimEnd().split("\n");

    expect(lines).toHaveLength(1);
    expect(ENDPOINTS.logs.stream.parse(JSON.parse(lines[0] as string)).message).toContain("stock");
  });

  test("requests have a log of their own", async () => {
    await using node = await startTestNode();

    for (const follow of [false, true]) {
      const response = await node.request(`/v1/apps/shop/logs?requests=true&follow=${follow}`);
      const record = ENDPOINTS.logs.stream.parse(JSON.parse(await response.text()));
      expect(record).toMatchObject({ event: "request", fields: { status: 200 } });
    }
  });

  test("following ends for the log store when the client goes away", async () => {
    await using node = await startTestNode();
    const client = new AbortController();
    const response = await node.request("/v1/apps/shop/logs?follow=true", {
      signal: client.signal,
    });
    const reader = response.body?.getReader();
    await reader?.read();

    client.abort();

    await waitUntil(() => node.happened.includes("follow ended"), "following has ended");
  });

  test("an app that neither exists nor has a log is unknown", async () => {
    await using node = await startTestNode();

    const response = await node.request("/v1/apps/nothing/logs");

    expect(await errorOf(response)).toMatchObject({ code: "APP_UNKNOWN" });
  });

  test("a version that the app does not have is unknown, followed or not", async () => {
    await using node = await startTestNode();

    for (const follow of [false, true]) {
      const response = await node.request(`/v1/apps/shop/logs?version=99&follow=${follow}`);
      expect(await errorOf(response)).toMatchObject({
        code: "VERSION_UNKNOWN",
        message: 'Cannot find version "v99" of app "shop"',
      });
    }
  });

  test("a log that cannot be read on says so in its last line", async () => {
    const deps = {
      logs: {
        // biome-ignore lint/correctness/useYield: it fails before it has one
        async *read(): AsyncGenerator<never> {
          throw new Error("disk gone");
        },
        follow: () => {
          throw new Error("unused");
        },
        remove: async () => {},
      },
    };
    await using node = await startTestNode(deps);

    const response = await node.request("/v1/apps/shop/logs");

    expect(JSON.parse(await response.text())).toMatchObject({ error: { cause: "disk gone" } });
  });
});
