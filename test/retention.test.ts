/**
 * Goal: however often is deployed, what is kept is within the policy, and never what somebody needs. Method: a whole node and
 * its data directory.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../src/base/until-for-tests.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const timeoutMs = 180_000;
/** A version that was live a moment ago gives its process back after some seconds. */
const waitMs = 60_000;

class App implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "levain-retention-"));
  readonly node: TestNode;

  constructor(node: TestNode) {
    this.node = node;
    writeFileSync(join(this.folder, "package.json"), '{ "name": "shop" }');
    this.configure({ retention: { versionsMax: 1 }, bundle: false });
  }

  configure(config: object): void {
    writeFileSync(join(this.folder, "levain.config.json"), JSON.stringify(config));
  }

  async deploy(text: string, branch = "main"): Promise<void> {
    const code = `export default { fetch: () => new Response(${JSON.stringify(text)}) };`;
    writeFileSync(join(this.folder, "index.js"), code);
    await this.data(["deploy", "--branch", branch]);
  }

  async data(args: string[]) {
    const { json, stdout } = await this.node.cli(args, { cwd: this.folder });
    if (json?.ok !== true) throw new Error(stdout);
    return json.data;
  }

  async versions(): Promise<number[]> {
    const { versions } = await this.data(["versions", "shop"]);
    return (versions as { number: number }[]).map(({ number }) => number);
  }

  /** Digests on disk. */
  artifacts(): string[] {
    return readdirSync(join(this.node.dataDir, "artifacts")).filter((name) => name.length === 64);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test(
  "after many deploys there is what is live, what it would go back to, and no more on the disk",
  async () => {
    await using node = await startTestNode();
    using app = new App(node);
    for (let index = 1; index <= 5; index += 1) await app.deploy(`main ${index}`);
    await app.deploy("preview", "fix");
    const listed = async () => {
      await app.data(["gc"]);
      return (await app.versions()).join();
    };
    await until(async () => (await listed()) === "6,5,4", waitMs);
    expect(app.artifacts().length).toBe(3);
    expect(await (await node.fetch("shop", "/")).text()).toBe("main 5");

    await app.data(["rollback", "shop", "--branch", "main"]);
    expect(await (await node.fetch("shop", "/")).text()).toBe("main 4");
    await app.deploy("main 7");
    expect((await app.versions())[0]).toBe(7);
    await until(async () => (await listed()) === "7,6,4", waitMs);
    const back = await app.data(["rollback", "shop", "--branch", "main"]);
    expect(back.version).toBe(4);
  },
  timeoutMs,
);

test(
  "a dry run says what would go and changes nothing; a node that was killed in between cleans up at its start",
  async () => {
    await using node = await startTestNode();
    using app = new App(node);
    app.configure({ retention: { versionsMax: 100 }, bundle: false });
    for (let index = 1; index <= 4; index += 1) await app.deploy(`main ${index}`);
    app.configure({ retention: { versionsMax: 1 }, bundle: false });
    await node.stop();
    await node.start();
    const before = [await app.versions(), app.artifacts().sort()];

    const dry = await app.data(["gc", "--dry-run"]);
    expect([await app.versions(), app.artifacts().sort()]).toEqual(before);
    expect(dry.versions).toEqual([]);

    await app.data(["remove", "shop@v1", "--confirm", "shop@v1"]);
    const left = "f".repeat(64);
    await Bun.write(join(node.dataDir, "artifacts", left, "manifest.json"), "{}");
    const listed = await app.data(["gc", "--dry-run"]);
    expect(listed.artifacts).toEqual([{ digest: left, bytes: 0 }]);
    await node.kill();
    await node.start();
    await until(() => !app.artifacts().includes(left), waitMs);
    expect(app.artifacts().length).toBe(3);
  },
  timeoutMs,
);

test(
  "a deploy that fails leaves no artifact behind",
  async () => {
    await using node = await startTestNode();
    using app = new App(node);
    await app.deploy("works");

    const code = "throw new Error('no');";
    writeFileSync(join(app.folder, "index.js"), code);
    const { json } = await node.cli(["deploy"], { cwd: app.folder });

    expect(json.ok).toBe(false);
    await until(() => app.artifacts().length === 1, waitMs);
  },
  timeoutMs,
);
