import { expect, test } from "bun:test";
import { hasTransactionControl, splitStatements } from "./statements.ts";

test("a statement ends at a semicolon that PostgreSQL would end it at", () => {
  expect(splitStatements("a; b ;\n;c")).toEqual(["a", "b", "c"]);
  expect(splitStatements("SELECT ';', E'\\';', \"a;b\", U&';' ; x")).toEqual([
    "SELECT ';', E'\\';', \"a;b\", U&';'",
    "x",
  ]);
  expect(splitStatements("DO $$ BEGIN; END $$; DO $a$ $$;$$ $a$; x")).toEqual([
    "DO $$ BEGIN; END $$",
    "DO $a$ $$;$$ $a$",
    "x",
  ]);
  expect(splitStatements("a -- ; no\n; /* ; /* ; */ ; */ b")).toEqual(["a -- ; no", "b"]);
  expect(splitStatements("CREATE RULE r AS ON INSERT TO t DO (a; b); c")).toHaveLength(2);
  expect(splitStatements("SELECT a$b$c; SELECT $b$;$b$")).toEqual([
    "SELECT a$b$c",
    "SELECT $b$;$b$",
  ]);
  expect(splitStatements("SELECT $1; SELECT 2")).toEqual(["SELECT $1", "SELECT 2"]);
});

test("a function in standard SQL is one statement, with what is in it", () => {
  const body =
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END";

  expect(splitStatements(`${body}; SELECT CASE WHEN true THEN 1 END; x`)).toEqual([
    body,
    "SELECT CASE WHEN true THEN 1 END",
    "x",
  ]);
});

test("a text that breaks off in the middle of something is one statement to its end", () => {
  for (const text of ["SELECT 'a;", 'SELECT "a;', "SELECT $$a;", "SELECT 1 /* a;", "f(a;"]) {
    expect(splitStatements(text), text).toHaveLength(1);
  }
  expect(splitStatements(" -- nothing\n/* here */ ;")).toEqual([]);
});

test("whatever the text, its statements are in it in order, and nothing is looked at for ever", () => {
  const seed = Date.now();
  const parts = [
    "'",
    '"',
    "$$",
    "$a$",
    "--",
    "\n",
    "/*",
    "*/",
    ";",
    "(",
    ")",
    "E'",
    "\\",
    "begin ",
    "atomic ",
    "case ",
    "end ",
    "x",
  ];
  let state = seed % 2147483647 || 1;
  const next = (below: number) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  for (let round = 0; round < 2000; round += 1) {
    const text = Array.from({ length: next(30) }, () => parts[next(parts.length)]).join("");
    let at = 0;
    for (const statement of splitStatements(text)) {
      const found = text.indexOf(statement, at);
      expect(found, `seed ${seed}: ${JSON.stringify(text)}`).toBeGreaterThanOrEqual(at);
      at = found + statement.length;
    }
  }
});

test("what begins or ends a transaction is told from what does not", () => {
  const control = [
    "BEGIN",
    "begin work",
    "COMMIT",
    "ROLLBACK",
    "END",
    "START TRANSACTION",
    "abort",
  ];
  const others = [
    "ROLLBACK TO a",
    "rollback work to savepoint a",
    "SAVEPOINT a",
    "BEGINNING",
    "SELECT 'COMMIT'",
  ];

  expect(control.filter(hasTransactionControl)).toEqual(control);
  expect(others.filter(hasTransactionControl)).toEqual([]);
});
