/**
 * Goal: no value is ever lost by a rotation, whoever sets, deploys or dies meanwhile. Method: a real PostgreSQL and key file;
 * actors in an order by chance; a node that dies leaves its store's calls where they were and is replaced by a new one.
 */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { openStore, type Store } from "../store/store.ts";
import { versionInput } from "../store/version-for-tests.ts";
import { Environments } from "./environments.ts";
import { readKeyFile } from "./key-file.ts";
import { Keyring } from "./keyring.ts";
import { Rotation } from "./rotation.ts";

const postgres = withTestPostgres();
const folders: string[] = [];
const stores: Store[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

class Death extends Error {}

/** One node on the store and the key file. `dieAt` counts calls down; at the last one the node is gone. */
class TestNode {
  readonly keyring: Keyring;
  readonly environments: Environments;
  readonly rotation: Rotation;
  dieAt = Number.POSITIVE_INFINITY;
  isDead = false;

  constructor(path: string, store: Store) {
    const mortal = new Proxy(store, {
      get: (target, key: keyof Store) => {
        const call = (target[key] as (...args: unknown[]) => Promise<unknown>).bind(target);
        return async (...args: unknown[]) => {
          this.step();
          const result = await call(...args);
          this.step();
          return result;
        };
      },
    });
    this.keyring = Keyring.open({ path });
    this.environments = new Environments({
      keyring: this.keyring,
      store: mortal,
      clock: systemClock,
    });
    this.rotation = new Rotation({
      keyring: this.keyring,
      store: mortal,
      publish: async () => {
        this.step();
        return true;
      },
      note: () => {},
    });
  }

  step(): void {
    this.dieAt -= 1;
    if (this.dieAt <= 0) this.isDead = true;
    if (this.isDead) throw new Death();
  }
}

test("whoever sets, deploys, rotates or dies: every value opens afterwards, with one key", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const folder = mkdtempSync(join(tmpdir(), "levain-key-"));
  folders.push(folder);
  const path = join(folder, "master-key");
  const store = openStore({ connection: await postgres.database(), clock: systemClock });
  stores.push(store);
  await store.migrate();
  let node = new TestNode(path, store);
  const set = new Map<string, Set<string>>();
  const versions = new Map<number, string>();
  let number = 0;

  const setSome = async () => {
    const { environments } = node;
    const name = `NAME_${random(30)}`;
    const value = `value ${random(1_000_000)}`;
    const possible = set.get(name) ?? new Set<string>();
    // Whether it happened is open while its node may die in it.
    possible.add(value);
    set.set(name, possible);
    const change = {
      scope: "branch",
      branch: "main",
      unset: [],
      atBuild: false,
      atRun: true,
    } as const;
    await environments.change({ app: "shop", set: { [name]: value }, by: null, ...change });
  };
  const deploy = async () => {
    const { environments } = node;
    using _held = environments.hold();
    number += 1;
    const own = number;
    const value = `version ${own}`;
    const run = new Map([["V", { value, from: "branch" as const }]]);
    const declaration = { rules: {}, values: { C: value } };
    const sealed = environments.freeze("shop", own, {
      declaration,
      run,
      build: new Map([["B", value]]),
    });
    // The boot of an app, which takes its time.
    for (let turns = random(20); turns > 0; turns -= 1) await Bun.sleep(0);
    if (node.environments !== environments) throw new Death();
    await store.createVersion({
      ...versionInput({ number: own, env: sealed.env }),
      environment: sealed.environment,
    });
    versions.set(own, value);
  };
  const rotate = async () => void (await node.rotation.rotate());
  const plain = async () => {
    number += 1;
    versions.set(number, `plain ${number}`);
    await store.createVersion(versionInput({ number, env: { V: `plain ${number}` } }));
  };

  for (let round = 0; round < 25; round += 1) {
    if (random(3) === 0) node.dieAt = 1 + random(12);
    const actors = Array.from({ length: 1 + random(6) }, () =>
      pick(random, [setSome, setSome, deploy, rotate, plain])(),
    );
    const ended = await Promise.allSettled(actors);
    for (const each of ended) {
      if (each.status !== "rejected" || each.reason instanceof Death) continue;
      const { code } = each.reason as { code?: string };
      // A number that was taken meanwhile is the deployer's to try again.
      expect(code ?? String(each.reason), `seed ${seed}`).toMatch(
        /KEY_ROTATION_RUNNING|VersionNumberTaken/,
      );
    }
    if (node.isDead) {
      node = new TestNode(path, store);
      await node.rotation.resume();
    }
  }
  node.dieAt = Number.POSITIVE_INFINITY;
  // What a deploy was in the way of goes on by itself, perhaps just now.
  await node.rotation.resume();
  await node.rotation.rotate();
  await node.rotation.resume();

  const after = new TestNode(path, store);
  expect(readKeyFile(path), `seed ${seed}`).toHaveLength(1);
  const { run } = await after.environments.resolve("shop", "main", { rules: {}, values: {} });
  for (const [name, { value }] of run) expect(set.get(name)?.has(value), `seed ${seed}`).toBe(true);
  for (const [each, value] of versions) {
    const opened = after.environments.openVersion(await store.version("shop", each));
    expect(opened.run.get("V")?.value, `seed ${seed} v${each}`).toBe(value);
    if (!value.startsWith("plain")) expect(opened.build.get("B")).toBe(value);
    const { spec } = await store.version("shop", each);
    expect(spec.env["V"], `seed ${seed}`).toStartWith(`sealed:1:${after.keyring.keyId}:`);
  }
}, 60_000);
