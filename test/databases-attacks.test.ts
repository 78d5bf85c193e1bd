/** Goal: whatever dies or stands in the way, no app gets half a database and nothing is left behind. Method: a whole node. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { until } from "../src/base/until-for-tests.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const timeoutMs = 180_000;

class Shop implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "levain-shop-"));
  readonly node: TestNode;

  constructor(node: TestNode, mask: string | null = null) {
    this.node = node;
    writeFileSync(join(this.folder, "package.json"), '{ "name": "shop" }');
    writeFileSync(
      join(this.folder, "index.js"),
      "export default { fetch: () => new Response('ok') };",
    );
    const database = mask === null ? true : { mask: "mask.sql" };
    writeFileSync(join(this.folder, "mask.sql"), mask ?? "");
    writeFileSync(join(this.folder, "levain.config.json"), JSON.stringify({ database }));
  }

  deploy(branch: string) {
    return this.node.cli(["deploy", "--branch", branch], { cwd: this.folder });
  }

  async client(branch: string): Promise<pg.Client> {
    const { json } = await this.node.cli(["db", "url", branch, "--app", "shop"]);
    const client = new pg.Client({ connectionString: json.data.url });
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  /** Names on the server, as a role of a branch sees them. */
  async onServer(): Promise<string[]> {
    const client = await this.client("main");
    const { rows } = await client.query(
      "SELECT datname AS name FROM pg_database WHERE datname LIKE '%\\_%' AND datname LIKE '%shop%' ORDER BY 1",
    );
    await client.end();
    return rows.map(({ name }) => name);
  }

  async branches(): Promise<string[]> {
    const { json } = await this.node.cli(["db"]);
    return json.data.databases.map((row: { branch: string }) => row.branch);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test(
  "a node that is killed while a copy is masked, or a branch reset, drops what it left when it is back",
  async () => {
    await using node = await startTestNode();
    using shop = new Shop(
      node,
      "SELECT pg_sleep(CASE WHEN count(*) = 0 THEN 0 ELSE 90 END) FROM slow",
    );
    await shop.deploy("main");
    const client = await shop.client("main");
    await client.query("CREATE TABLE slow (id int)");
    await client.end();
    await shop.deploy("fast");
    const before = await shop.onServer();
    const setter = await shop.client("main");
    await setter.query("INSERT INTO slow VALUES (1)");
    await setter.end();

    for (const work of [
      () => shop.deploy("next"),
      () => node.cli(["db", "reset", "fast", "--app", "shop", "--confirm", "fast"]),
    ]) {
      const working = work();
      await until(async () => (await shop.onServer()).length > before.length, 90_000);
      await node.kill();
      await working;
      await node.start();

      // The backend that masks sees only at its end that nobody waits: it is ended with the database.
      await until(async () => (await shop.onServer()).join() === before.join(), 60_000);
      expect((await shop.branches()).sort()).toEqual(["fast", "main"]);
      const still = await shop.client("fast");
      expect((await still.query("SELECT count(*)::int AS count FROM slow")).rows).toEqual([
        { count: 0 },
      ]);
      await still.end();
    }
  },
  timeoutMs,
);

test(
  "two new branches at once are copied one after the other, while the parent's sessions work on",
  async () => {
    await using node = await startTestNode();
    using shop = new Shop(node);
    await shop.deploy("main");
    const client = await shop.client("main");
    await client.query("CREATE TABLE clicks (id serial)");
    let isOver = false;
    let clicks = 0;
    const clicking = (async () => {
      while (!isOver) {
        await client.query("INSERT INTO clicks DEFAULT VALUES");
        clicks += 1;
      }
    })();

    const made = await Promise.all(
      ["a", "b"].map((branch) => node.cli(["db", "branch", branch, "--app", "shop"])),
    );
    isOver = true;
    await clicking;

    expect(made.map(({ json }) => json.data?.made.parent)).toEqual(["main", "main"]);
    const { rows } = await client.query("SELECT count(*)::int AS count FROM clicks");
    expect(rows).toEqual([{ count: clicks }]);
    await client.end();
  },
  timeoutMs,
);
