/**
 * One database as one file of SQL, in the form of pg_dump's plain format, so that `psql` reads it as `levain db restore` does.
 *
 *   schema before rows (pg_dump) ─▶ rows (COPY) ─▶ large objects ─▶ sequences ─▶ schema after rows (pg_dump) ─▶ last line
 *
 * All of it is one snapshot. Rows pass through as they come and are never in memory together.
 */
import pg from "pg";
import { messageOf, PlatformError } from "../base/errors.ts";
import { dropClient } from "../store/pg-inside.ts";
import { CopyOut } from "./copy-out.ts";
import { largeObjectPieceBytes, replicationTimeoutMs } from "./limits.ts";
import { dumpSchema } from "./schema-dump.ts";

/** The last line; what has none was cut off. */
export const dumpEnd = "-- End of the dump by Levain";

const SHARED = ["--schema-only", "--no-owner", "--no-privileges", "--no-tablespaces"];

/**
 * @param config of the role that owns what is in the database: what it may not read cannot be dumped
 * @throws {PlatformError} `DUMP_FAILED`
 */
export async function* dumpDatabase(config: pg.ClientConfig): AsyncGenerator<Uint8Array> {
  const client = new pg.Client({
    ...config,
    application_name: "levain dump",
    connectionTimeoutMillis: replicationTimeoutMs,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query(
      "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL transaction_timeout = 0; SET LOCAL search_path = ''; SET LOCAL row_security = off; SET LOCAL datestyle = ISO; SET LOCAL intervalstyle = postgres; SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = hex",
    );
    const [{ snapshot = "" } = {}] = await rows<{ snapshot: string }>(
      client,
      "SELECT pg_export_snapshot() AS snapshot",
    );
    // It calls each of its parts complete; only the whole is.
    const schema = async (section: string) =>
      (
        await dumpSchema(config, [...SHARED, `--section=${section}`, `--snapshot=${snapshot}`])
      ).replace(/^--\n-- PostgreSQL database dump complete\n--\n/gm, "");
    yield text(await schema("pre-data"));
    yield* tables(client);
    yield* largeObjects(client);
    yield* sequences(client);
    yield text(await schema("post-data"));
    yield* refreshes(client);
    yield text(`\n${dumpEnd}\n`);
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw new PlatformError("DUMP_FAILED", [messageOf(error)], { cause: error });
  } finally {
    await dropClient(client);
  }
}

/** Left out: what belongs to the system or to an extension, and comes with it. */
const OWN = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')`;

/** Rows of each table that has some of its own: partitions, and not what they are parts of. */
async function* tables(client: pg.Client): AsyncGenerator<Uint8Array> {
  const found = await rows<{ name: string; columns: string | null }>(
    client,
    `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
       (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute AS a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns
     FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND ${OWN}
     ORDER BY c.oid`,
  );
  for (const { name, columns } of found) {
    // Rows of a table without columns are only a number, which COPY writes as empty lines.
    const list = columns === null ? "" : ` (${columns})`;
    yield text(`\nCOPY ${name}${list} FROM stdin;\n`);
    const copy = new CopyOut(`COPY ${name}${list} TO STDOUT`);
    client.query(copy as never);
    yield* copy;
    yield text("\\.\n");
  }
}

async function* largeObjects(client: pg.Client): AsyncGenerator<Uint8Array> {
  const found = await rows<{ oid: string }>(
    client,
    "SELECT oid::pg_catalog.text FROM pg_catalog.pg_largeobject_metadata ORDER BY oid",
  );
  for (const { oid } of found) {
    yield text(`\nSELECT pg_catalog.lo_create('${oid}');\n`);
    for (let at = 0; ; at += largeObjectPieceBytes) {
      const [{ hex = "" } = {}] = await rows<{ hex: string }>(
        client,
        `SELECT pg_catalog.encode(pg_catalog.lo_get(${oid}, ${at}, ${largeObjectPieceBytes}), 'hex') AS hex`,
      );
      if (hex !== "") yield text(`SELECT pg_catalog.lo_put(${oid}, ${at}, '\\x${hex}');\n`);
      if (hex.length < largeObjectPieceBytes * 2) break;
    }
  }
}

async function* sequences(client: pg.Client): AsyncGenerator<Uint8Array> {
  const found = await rows<{ name: string; literal: string }>(
    client,
    `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
       pg_catalog.quote_literal(pg_catalog.format('%I.%I', n.nspname, c.relname)) AS literal
     FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ${OWN}
     ORDER BY c.oid`,
  );
  for (const { name, literal } of found) {
    const [{ value = "1", called = false } = {}] = await rows<{ value: string; called: boolean }>(
      client,
      `SELECT last_value::pg_catalog.text AS value, is_called AS called FROM ${name}`,
    );
    yield text(`\nSELECT pg_catalog.setval(${literal}, ${value}, ${called});\n`);
  }
}

/** Materialized views that had rows are filled again, those first that others read, through views too. */
async function* refreshes(client: pg.Client): AsyncGenerator<Uint8Array> {
  const relations = await rows<{ oid: string; name: string; isFilled: boolean }>(
    client,
    `SELECT c.oid::pg_catalog.text, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
       c.relkind = 'm' AND c.relispopulated AS "isFilled"
     FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('v', 'm') AND ${OWN} ORDER BY c.oid`,
  );
  const reads = await rows<{ reader: string; read: string }>(
    client,
    `SELECT DISTINCT r.ev_class::pg_catalog.text AS reader, d.refobjid::pg_catalog.text AS read
     FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
     WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class`,
  );
  const byReader = Map.groupBy(reads, ({ reader }) => reader);
  const byOid = new Map(relations.map((relation) => [relation.oid, relation]));
  const seen = new Set<string>();
  const ordered: string[] = [];
  const visit = (oid: string) => {
    if (seen.has(oid)) return;
    seen.add(oid);
    for (const { read } of byReader.get(oid) ?? []) visit(read);
    const relation = byOid.get(oid);
    if (relation?.isFilled) ordered.push(relation.name);
  };
  for (const { oid } of relations) visit(oid);
  for (const name of ordered) yield text(`\nREFRESH MATERIALIZED VIEW ${name};\n`);
}

async function rows<Row extends object>(client: pg.Client, sql: string): Promise<Row[]> {
  return (await client.query<Row>(sql)).rows;
}

const encoder = new TextEncoder();

function text(sql: string): Uint8Array {
  return encoder.encode(sql);
}
