/** A database with a bit of everything is dumped, restored to another one, and compared. */
import { describe, expect, test } from "bun:test";
import pg from "pg";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { dumpDatabase } from "./dump-database.ts";
import { restoreDump } from "./restore-dump.ts";

const postgres = withTestPostgres();

const EVERYTHING = `
CREATE SCHEMA "odd ""name";
CREATE TYPE mood AS ENUM ('sad', 'it''s; fine', 'happy');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE TABLE people (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL DEFAULT 'a;b',
  upper_name text GENERATED ALWAYS AS (upper(name)) STORED,
  mood mood DEFAULT 'sad',
  age positive,
  pair pair,
  tags text[] DEFAULT '{}',
  data jsonb,
  bytes bytea,
  at timestamptz DEFAULT '2026-01-01Z',
  amount numeric(20, 5) CHECK (amount >= 0),
  dropped integer,
  ratio double precision
);
ALTER TABLE people DROP COLUMN dropped;
CREATE UNIQUE INDEX people_name ON people (lower(name)) WHERE age > 1;
COMMENT ON TABLE people IS 'it''s; a comment -- with dashes';
CREATE TABLE "odd ""name"."Table; x" ("a b" bigserial PRIMARY KEY, person integer REFERENCES people ON DELETE CASCADE DEFERRABLE);
CREATE TABLE measured (at date NOT NULL, value integer) PARTITION BY RANGE (at);
CREATE TABLE measured_2026 PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE measured_rest PARTITION OF measured DEFAULT;
CREATE UNLOGGED TABLE fleeting (a integer);
CREATE TABLE nothing ();
CREATE SEQUENCE counter INCREMENT 7 START 3;
CREATE VIEW grown AS SELECT id, name FROM people WHERE age >= 18;
CREATE MATERIALIZED VIEW names AS SELECT name FROM people ORDER BY 1;
CREATE FUNCTION twice(value integer) RETURNS integer LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT CASE WHEN value > 0 THEN value * 2 ELSE 0 END; END;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  -- a comment; with a semicolon and a $$
  NEW.name := NEW.name || ';' || E'\\\\';
  RETURN NEW;
END $body$;
CREATE TRIGGER note BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION noted();
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON people USING (true);
CREATE RULE quiet AS ON DELETE TO people DO ALSO NOTIFY people;
INSERT INTO people (name, mood, age, pair, tags, data, bytes, amount, ratio) VALUES
  (E'tab\\tnew\\nline\\\\.', 'it''s; fine', 30, (1, 'x,"y"'), '{a,"b c",NULL}', '{"a": "\\u00e9"}', '\\x00ff10', 12345678901234.56789, 'NaN'),
  ('\\.', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0.1), ('', 'happy', 5, NULL, '{}', 'null', '', 0, '-Infinity');
INSERT INTO people (name) SELECT 'person ' || number FROM generate_series(1, 5000) AS number;
INSERT INTO "odd ""name"."Table; x" (person) SELECT id FROM people LIMIT 100;
INSERT INTO measured VALUES ('2026-05-05', 1), ('2025-05-05', 2);
INSERT INTO nothing DEFAULT VALUES;
INSERT INTO nothing DEFAULT VALUES;
SELECT nextval('counter'), nextval('counter');
REFRESH MATERIALIZED VIEW names;
SELECT lo_from_bytea(4242, decode(repeat('00ff', 700000), 'hex'));
SELECT lo_create(4243);
`;

/** What two databases are compared by. */
const FACTS = {
  people: "SELECT * FROM people ORDER BY id",
  odd: `SELECT * FROM "odd ""name"."Table; x" ORDER BY 1`,
  measured: "SELECT tableoid::regclass::text, * FROM measured ORDER BY 2",
  nothing: "SELECT count(*) FROM nothing",
  sequences:
    "SELECT schemaname, sequencename, last_value, increment_by FROM pg_sequences ORDER BY 1, 2",
  views: "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1",
  names: "SELECT * FROM names",
  indexes: "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname NOT LIKE 'pg_%' ORDER BY 1",
  constraints:
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2",
  functions:
    "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
  triggers:
    "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
  policies: "SELECT tablename, policyname, qual FROM pg_policies ORDER BY 1",
  rules: "SELECT rulename, definition FROM pg_rules WHERE schemaname = 'public' ORDER BY 1",
  comments: "SELECT obj_description('people'::regclass)",
  enums: "SELECT enumlabel FROM pg_enum ORDER BY enumsortorder",
  columns:
    "SELECT table_name, column_name, data_type, column_default, is_identity, generation_expression FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2",
  large:
    "SELECT oid::text, length(lo_get(oid)), md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY 1",
};

async function within<Result>(
  config: pg.ClientConfig,
  work: (client: pg.Client) => Promise<Result>,
) {
  const client = new pg.Client(config);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const facts = (config: pg.ClientConfig) =>
  within(config, async (client) => {
    const all: Record<string, unknown> = {};
    for (const [name, sql] of Object.entries(FACTS)) all[name] = (await client.query(sql)).rows;
    return all;
  });

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function everything(): Promise<{ config: pg.ClientConfig; dump: Buffer }> {
  const config = await postgres.database();
  await within(config, (client) => client.query(EVERYTHING));
  return { config, dump: Buffer.concat(await Array.fromAsync(dumpDatabase(config))) };
}

describe("a dump", () => {
  test("comes back the same in pieces of any size: types, rows, sequences, indexes, functions, triggers, large objects", async () => {
    const { config, dump } = await everything();
    const other = await postgres.database();

    await restoreDump(other, pieces(dump, 8191));

    expect(await facts(other)).toEqual(await facts(config));
    const third = await postgres.database();
    await restoreDump(third, pieces(dump, 61));
    expect(await facts(third)).toEqual(await facts(config));
  }, 60_000);

  test("is restored by a role that owns nothing else, and owns it then", async () => {
    const { dump } = await everything();
    const target = await postgres.database();
    await within(target, (client) =>
      client.query(
        `CREATE ROLE tenant LOGIN PASSWORD 'secret'; ALTER DATABASE ${target.database} OWNER TO tenant; ALTER SCHEMA public OWNER TO tenant`,
      ),
    );

    const tenant = { ...target, user: "tenant", password: "secret" };
    await restoreDump(tenant, pieces(dump, 65_536));
    const again = Buffer.concat(await Array.fromAsync(dumpDatabase(tenant)));

    const { rows } = await within(target, (client) =>
      client.query("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"),
    );
    expect(rows).toEqual([{ tableowner: "tenant" }]);
    expect(again.length).toBeGreaterThan(dump.length * 0.99);
  }, 60_000);

  test("that was cut off, or is none, is refused with where", async () => {
    const config = await postgres.database();
    await within(config, (client) =>
      client.query("CREATE TABLE a (b integer); INSERT INTO a VALUES (1), (2)"),
    );
    const dump = Buffer.concat(await Array.fromAsync(dumpDatabase(config)));
    const rowsAt = dump.indexOf("FROM stdin;");

    for (const length of [dump.length - 40, rowsAt + 14, rowsAt - 20, 0]) {
      const target = await postgres.database();
      await expect(
        restoreDump(target, pieces(dump.subarray(0, length), 100)),
      ).rejects.toMatchObject({
        code: "DUMP_INVALID",
      });
    }
    const target = await postgres.database();
    const shell = Buffer.from("\\! touch /tmp/x\n");
    await expect(restoreDump(target, pieces(shell, 5))).rejects.toMatchObject({
      message: expect.stringContaining("command of psql"),
    });
    await expect(
      restoreDump(target, pieces(Buffer.from("SELECT nonsense;"), 5)),
    ).rejects.toMatchObject({ message: expect.stringContaining("SELECT nonsense") });
  }, 60_000);
});
