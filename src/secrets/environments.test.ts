/** Goal: what somebody changes in the database does not open. Method: a real PostgreSQL whose rows are moved about. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { systemClock } from "../base/clock.ts";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { openStore, type Store } from "../store/store.ts";
import { versionInput } from "../store/version-for-tests.ts";
import { Environments } from "./environments.ts";
import { Keyring } from "./keyring.ts";
import { Rotation } from "./rotation.ts";

const postgres = withTestPostgres();
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

const nothing = { rules: {}, values: {} };
const place = { scope: "branch", unset: [], atBuild: false, atRun: true, by: "ann" } as const;

async function setup(): Promise<{
  store: Store;
  environments: Environments;
  rotation: Rotation;
  sql(text: string): Promise<unknown>;
}> {
  const connection = await postgres.database();
  const store = openStore({ connection, clock: systemClock });
  const client = new pg.Client(connection);
  await client.connect();
  open.push(store, { close: () => client.end() });
  await store.migrate();
  const folder = mkdtempSync(join(tmpdir(), "levain-key-"));
  open.push({ close: async () => rmSync(folder, { recursive: true }) });
  const keyring = Keyring.open({ path: join(folder, "master-key") });
  const environments = new Environments({ keyring, store, clock: systemClock });
  for (const app of ["shop", "blog"]) {
    for (const branch of ["main", "fix"]) {
      const set = { TOKEN: `${app} ${branch}`, OTHER: "other" };
      await environments.change({ app, branch, set, ...place });
    }
  }
  const rotation = new Rotation({ keyring, store, publish: async () => true, note: () => {} });
  return { store, environments, rotation, sql: (text) => client.query(text) };
}

describe("a sealed value in the store", () => {
  test.each([
    [
      "of another app",
      `UPDATE levain.env_values AS own SET sealed = other.sealed FROM levain.env_values AS other
       WHERE own.app = 'shop' AND other.app = 'blog' AND own.name = 'TOKEN' AND other.name = 'TOKEN'
         AND own.branch = 'main' AND other.branch = 'main'`,
    ],
    [
      "of another branch",
      `UPDATE levain.env_values AS own SET sealed = other.sealed FROM levain.env_values AS other
       WHERE own.app = 'shop' AND other.app = 'shop' AND own.name = 'TOKEN' AND other.name = 'TOKEN'
         AND own.branch = 'main' AND other.branch = 'fix'`,
    ],
    [
      "of another name",
      `UPDATE levain.env_values AS own SET sealed = other.sealed FROM levain.env_values AS other
       WHERE own.app = 'shop' AND other.app = 'shop' AND own.name = 'TOKEN' AND other.name = 'OTHER'
         AND own.branch = 'main' AND other.branch = 'main'`,
    ],
    [
      "of all branches",
      "UPDATE levain.env_values SET scope = 'all', branch = '' WHERE app = 'shop' AND branch = 'main'",
    ],
    [
      "with another last character",
      `UPDATE levain.env_values SET sealed = left(sealed, -1) || CASE WHEN right(sealed, 1) = 'A' THEN 'Q' ELSE 'A' END
       WHERE app = 'shop' AND branch = 'main' AND name = 'TOKEN'`,
    ],
    [
      "that is not sealed at all",
      "UPDATE levain.env_values SET sealed = 'plain' WHERE app = 'shop' AND branch = 'main'",
    ],
    [
      "that was cut",
      "UPDATE levain.env_values SET sealed = left(sealed, 30) WHERE app = 'shop' AND branch = 'main'",
    ],
  ])("does not open in the place of one %s, and other apps go on", async (_, statement) => {
    const { environments, sql } = await setup();
    await sql(statement);

    const resolving = environments.resolve("shop", "main", nothing);

    expect(resolving).rejects.toMatchObject({ code: "ENVIRONMENT_UNREADABLE" });
    expect((await environments.resolve("blog", "main", nothing)).run.get("TOKEN")?.value).toBe(
      "blog main",
    );
    expect((await environments.list("shop")).length).toBe(4);
  });

  test("of a version does not open in another version, nor in another of its parts", async () => {
    const { environments, store, sql } = await setup();
    for (const number of [1, 2]) {
      const opened = await environments.resolve("shop", "main", nothing);
      const { env, environment } = environments.freeze("shop", number, opened);
      await store.createVersion({ ...versionInput({ number, env }), environment });
    }
    await sql(`UPDATE levain.versions SET spec = jsonb_set(spec, '{env}',
      (SELECT spec -> 'env' FROM levain.versions WHERE number = 1)) WHERE number = 2`);

    const { spec } = await store.version("shop", 2);

    expect(() => environments.openRun(spec)).toThrow("it was changed, or sealed for another place");
    expect(environments.openRun((await store.version("shop", 1)).spec)["TOKEN"]).toBe("shop main");
  });

  test("that no key opens is named by a rotation, which seals all the others", async () => {
    const { environments, rotation, sql } = await setup();
    await sql(
      "UPDATE levain.env_values SET sealed = left(sealed, 30) WHERE app = 'shop' AND branch = 'fix' AND name = 'TOKEN'",
    );

    const rotated = await rotation.rotate();

    expect(rotated).toMatchObject({
      values: 7,
      unreadable: ["TOKEN of shop on fix"],
      isSettled: true,
    });
    expect((await environments.resolve("shop", "main", nothing)).run.get("TOKEN")?.value).toBe(
      "shop main",
    );
    const listed = await environments.list("shop");
    expect(listed.filter(({ fingerprint }) => fingerprint === null)).toHaveLength(1);
  });

  test("has the same hash as an equal one of its app, and another in another app", async () => {
    const { environments } = await setup();

    const hashOf = async (app: string, branch: string) =>
      (await environments.list(app)).find(
        (value) => value.branch === branch && value.name === "OTHER",
      )?.fingerprint;

    expect(await hashOf("shop", "main")).toBe((await hashOf("shop", "fix"))!);
    expect(await hashOf("shop", "main")).not.toBe((await hashOf("blog", "main"))!);
  });
});

test("two rotations at once: one is told to wait, and nothing is lost", async () => {
  const { environments, rotation } = await setup();

  const both = await Promise.allSettled([rotation.rotate(), rotation.rotate()]);

  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect((await environments.resolve("blog", "fix", nothing)).run.get("TOKEN")?.value).toBe(
    "blog fix",
  );
});
