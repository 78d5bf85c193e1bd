/** Goal: what Kubernetes says of its nodes, and what it does not say any more. Method: an API over TLS, on loopback. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PushedClock } from "../../src/base/clock-for-tests.ts";
import { until } from "../../src/base/until-for-tests.ts";
import { createCordon } from "../../src/broker/cordon.ts";
import { inCluster, KubernetesCordon, readNodes } from "../../src/broker/cordon-kubernetes.ts";
import { cordonKubernetesAgeMsMax } from "../../src/broker/limits.ts";
import type { Cordon } from "../../src/broker/trust-api.ts";
import { hasOpenssl, makeCertificate } from "../../src/control/certificates-for-tests.ts";

let folder = "";
const endings: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "levain-kubernetes-"));
});
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
  rmSync(folder, { recursive: true, force: true });
});

interface Node {
  name: string;
  unschedulable?: boolean;
}

/** An API server with nodes that may be changed. Answers with one node a page. */
function startApi(nodes: Node[]) {
  const names = ["DNS:localhost", "IP:127.0.0.1"];
  const files = makeCertificate(folder, "ca", names);
  const said = { status: 200, tokens: [] as (string | null)[], queries: [] as URLSearchParams[] };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert: Bun.file(files.cert), key: Bun.file(files.key) },
    fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      said.tokens.push(request.headers.get("authorization"));
      said.queries.push(searchParams);
      if (pathname !== "/api/v1/nodes") return new Response("", { status: 404 });
      if (said.status !== 200) return new Response("{}", { status: said.status });
      const asked = nodes.filter(({ unschedulable }) => unschedulable === true);
      const at = Number(searchParams.get("continue") ?? 0);
      const metadata = at + 1 < asked.length ? { continue: String(at + 1) } : {};
      const items = asked.slice(at, at + 1).map(({ name }) => ({
        metadata: { name },
        spec: { unschedulable: true, podCIDR: "10.0.0.0/24" },
      }));
      return Response.json({ kind: "NodeList", apiVersion: "v1", metadata, items });
    },
  });
  endings.push(() => server.stop(true));
  writeFileSync(join(folder, "token"), "first-token\n");
  writeFileSync(join(folder, "ca.crt"), "");
  return { url: `https://127.0.0.1:${server.port}`, caFile: files.cert, said, server };
}

function start(access: { url: string | null; caFile: string }) {
  const clock = new PushedClock();
  const notes: string[] = [];
  const source = new KubernetesCordon({
    access: { ...access, tokenFile: join(folder, "token") },
    clock,
    lookMs: 20,
  });
  const cordon: Cordon = createCordon({
    config: { cordoned: [], cordonFile: null, cordonKubernetes: true },
    clock,
    note: (line) => notes.push(line),
    sources: [source],
  });
  endings.push(() => cordon.close());
  return { cordon, clock, notes };
}

describe.skipIf(!hasOpenssl)("Kubernetes", () => {
  test("is asked for its cordoned nodes, page by page, and asked again", async () => {
    const nodes: Node[] = [{ name: "a", unschedulable: true }, { name: "b" }];
    nodes.push({ name: "c", unschedulable: true });
    const { said, ...access } = startApi(nodes);
    const { cordon, notes } = start(access);

    await until(() => cordon.has("a") && cordon.has("c"));
    expect(cordon.has("b")).toBeFalse();
    expect(said.queries[0]!.get("fieldSelector")).toBe("spec.unschedulable=true");

    nodes[0]!.unschedulable = false;
    nodes[1]!.unschedulable = true;
    await until(() => cordon.has("b") && !cordon.has("a"));
    expect(notes).toEqual([]);
  });

  test("is shown the token that the pod has now", async () => {
    const { said, ...access } = startApi([]);
    start(access);
    await until(() => said.tokens.includes("Bearer first-token"));

    writeFileSync(join(folder, "token"), "second-token\n");

    await until(() => said.tokens.includes("Bearer second-token"));
  });

  test("is believed for a while when it fails, then nobody is cordoned; no line has the token", async () => {
    const { said, ...access } = startApi([{ name: "a", unschedulable: true }]);
    const { cordon, clock, notes } = start(access);
    await until(() => cordon.has("a"));

    said.status = 403;
    await until(() => cordon.facts().failures > 2);
    expect(cordon.has("a")).toBeTrue();

    clock.push(cordonKubernetesAgeMsMax);
    await until(() => !cordon.has("a"));
    expect(cordon.facts()).toMatchObject({ cordoned: 0, dropped: 1 });
    expect(cordon.facts().ageMs).toBeGreaterThan(cordonKubernetesAgeMsMax);

    said.status = 200;
    await until(() => cordon.has("a"));
    expect(notes.some((line) => line.includes("403"))).toBeTrue();
    expect(notes.join()).not.toContain("first-token");
  });

  test("is not told the token when its certificate is another's", async () => {
    const { said, ...access } = startApi([{ name: "a", unschedulable: true }]);
    const { cert } = makeCertificate(folder, "stranger", ["IP:127.0.0.1"]);

    const { cordon } = start({ ...access, caFile: cert });

    await until(() => cordon.facts().failures > 2);
    expect(said.tokens).toEqual([]);
    expect(cordon.has("a")).toBeFalse();
  });

  test("that is not there is a failure, and nothing else", async () => {
    const { cordon, notes } = start({ ...inCluster({}), caFile: "/nowhere" });

    await until(() => cordon.facts().failures > 2);

    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain("this is no pod");
  });
});

test("a pod finds Kubernetes as it is told, also by an IPv6 address", () => {
  const of = (host: string, port?: string) =>
    inCluster({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }).url;

  expect([of("10.0.0.1", "6443"), of("fd00::1", "443"), of("10.0.0.1")]).toEqual([
    "https://10.0.0.1:6443",
    "https://[fd00::1]:443",
    "https://10.0.0.1:443",
  ]);
});

test("only a node that says so itself is cordoned, whatever the API was asked", () => {
  const item = (name: unknown, unschedulable: unknown) => ({
    metadata: { name },
    spec: { unschedulable },
  });
  const items = [item("a", true), item("b", "true"), item(5, true), item("c", false), null, {}];

  const { cordoned, next } = readNodes(JSON.stringify({ kind: "NodeList", items }));

  expect(cordoned).toEqual(["a"]);
  expect(next).toBe("");
  for (const wrong of ["", "[]", "{}", '{"kind":"Status"}', '{"kind":"NodeList"}']) {
    expect(() => readNodes(wrong)).toThrow();
  }
});
