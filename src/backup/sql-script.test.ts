/** Where statements end. */
import { describe, expect, test } from "bun:test";
import { readScript, type ScriptPiece } from "./sql-script.ts";

async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** What was read, with rows as one text each. */
async function read(text: string, size: number): Promise<string[]> {
  const found: string[] = [];
  let rows = "";
  for await (const piece of readScript(pieces(text, size)) as AsyncGenerator<ScriptPiece>) {
    if (piece.kind === "rows") rows += piece.bytes.toString();
    else if (piece.kind === "rowsEnd") found.push(rows);
    else {
      rows = "";
      found.push(piece.sql);
    }
  }
  return found;
}

const STATEMENTS = [
  "SELECT 1;",
  "SELECT 'a;b', 'it''s;', E'\\';', \"odd;\"\"name\";",
  "SELECT $$;$$, $tag$ $$ ; $other$ $tag$, $1;",
  "SELECT 1 -- a comment; with one\n + 2;",
  "SELECT /* a /* nested; */ one; */ 1;",
  "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;",
  "CREATE RULE r AS ON DELETE TO t DO ALSO (DELETE FROM a; DELETE FROM b);",
  "SELECT 'ü – €' AS \"naïve\";",
  "SELECT a-1, b/2, c*3 FROM t WHERE e = e'x';",
  "INSERT INTO begin_atomic VALUES ('BEGIN ATOMIC');",
];

describe("statements and rows", () => {
  test("are told apart in pieces of any size", async () => {
    const rows = "1\ttext\\nwith\\\\.\n\\N\t\\\\.\n\n";
    const copy = 'COPY public."Table; x" (a, "b c") FROM stdin;';
    const script = `\\restrict abc123\n-- a head\n\n${STATEMENTS.join("\n\n-- between\n")}\n${copy}\n${rows}\\.\n\nSELECT 2;\n\\unrestrict abc123\n-- the end\n`;
    const wanted = [...STATEMENTS, copy, rows, "SELECT 2;"];

    for (let size = 1; size < 40; size += 1)
      expect(await read(script, size), `${size}`).toEqual(wanted);
    expect(await read(script, 100_000)).toEqual(wanted);
  });

  test("that do not end, and commands of psql, are refused", async () => {
    for (const text of ["SELECT 1", "SELECT '", "COPY a FROM stdin;\n1\n", "COPY a FROM stdin;"]) {
      await expect(read(text, 3)).rejects.toThrow("it ends within");
    }
    for (const text of ["\\connect other\n", "SELECT 1;\n\\! rm -rf x\n"]) {
      await expect(read(text, 3)).rejects.toThrow("command of psql");
    }
  });
});
