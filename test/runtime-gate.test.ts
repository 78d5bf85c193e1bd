/** Goal: a real node keeps verdicts, and lets production change its runtime by them or by a reason that is found again. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { platformVersion } from "../src/control/platform-version.ts";
import { otherRuntime, putOtherBun } from "../src/runtimes/other-bun-for-tests.ts";
import { type KeptVerdict, thisQualifyMachine } from "../src/runtimes/verdict.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

let node: TestNode;
let folder = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "levain-gate-"));
  writeFileSync(
    join(folder, "index.ts"),
    "export default { fetch: () => new Response(process.execPath) };\n",
  );
  node = await startTestNode();
  putOtherBun(join(node.dataDir, "runtimes"));
}, 90_000);
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const deploy = (runtime: string | null, ...words: string[]) => {
  writeFileSync(join(folder, "levain.config.json"), JSON.stringify({ name: "shop", runtime }));
  return node.cli(["deploy", folder, ...words]);
};
const programAt = async (host: string) => (await node.fetch(host, "/")).text();
const isOther = async (host: string) =>
  (await programAt(host)).includes(`runtimes/${otherRuntime}/`);

async function keep(change: Partial<KeptVerdict>): Promise<void> {
  const { json } = await node.cli(["token"]);
  const verdict = {
    ...{ runtime: otherRuntime, revision: "", sha256: "", levain: platformVersion() },
    ...{ machine: thisQualifyMachine(), isPassed: true, isComplete: true, cases: [] },
    ...change,
  };
  const response = await fetch(`http://127.0.0.1:${node.adminPort}/v1/verdicts`, {
    method: "POST",
    headers: { authorization: `Bearer ${json.data.token}`, "content-type": "application/json" },
    body: JSON.stringify({ verdicts: [verdict] }),
  });
  expect(await response.json()).toEqual({ kept: [otherRuntime] });
}

test("production changes its runtime by a verdict or a reason, and goes back without either", async () => {
  // A preview may, and production may begin with anything. What no version names would be collected.
  const preview = await deploy(otherRuntime, "--branch", "next");
  expect(preview.json.error).toBeUndefined();
  expect(await isOther("next--shop")).toBe(true);
  expect((await deploy(null, "--branch", "main")).code).toBe(0);
  expect(await programAt("shop")).toBe(process.execPath);

  // Production may not, neither by a deploy nor by a promote; it stays what it was.
  expect((await deploy(otherRuntime, "--branch", "main")).json.error.code).toBe(
    "RUNTIME_UNQUALIFIED",
  );
  await keep({
    isPassed: false,
    cases: [{ name: "long-polls", status: "fail", isRequired: true, reason: "held" }],
  });
  const refused = await node.cli(["promote", "shop", "v1"]);
  expect(refused.json.error).toMatchObject({ code: "RUNTIME_UNQUALIFIED" });
  expect(refused.json.error.message).toEndWith("it failed long-polls");
  expect(await isOther("shop")).toBe(false);

  // With a reason it may, and a rollback asks for none.
  expect((await node.cli(["promote", "shop", "v1", "--force", "no polls here"])).code).toBe(0);
  expect(await isOther("shop")).toBe(true);
  expect((await node.cli(["rollback", "shop"])).code).toBe(0);
  const { entries } = (await node.cli(["audit", "--app", "shop"])).json.data;
  const promoted = entries.find((one: { action: string; result: string }) => {
    return one.action === "promote" && one.result === "ok";
  });
  expect(promoted.detail).toMatchObject({ force: "no polls here" });

  const forced = await deploy(otherRuntime, "--branch", "main", "--force", "no polls here");
  expect(forced.code).toBe(0);
  const inspected = (await node.cli(["inspect", "shop"])).json.data;
  expect(inspected.runtime).toBe(otherRuntime);
  expect(inspected.stored.provenance.runtimeForced).toEqual({
    from: `bun@${Bun.version}`,
    to: otherRuntime,
    objection: "it failed long-polls",
    reason: "no polls here",
  });

  // A newer verdict that is a pass is enough.
  expect((await node.cli(["rollback", "shop"])).code).toBe(0);
  await keep({});
  expect((await node.cli(["promote", "shop", "v1"])).code).toBe(0);
  const versions = (await node.cli(["versions", "shop"])).json.data.versions;
  expect(versions.find(({ number }: { number: number }) => number === 1)).toMatchObject({
    runtime: otherRuntime,
    liveOn: ["main", "next"],
  });
}, 120_000);
