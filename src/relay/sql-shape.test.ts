import { describe, expect, test } from "bun:test";
import { pick, type Random, randomOf, testSeed } from "../base/random-for-tests.ts";
import { shapeCharactersMax, shapesKeptMax } from "./limits.ts";
import { SqlShapes, sqlShape } from "./sql-shape.ts";

const shape = (text: string): string => sqlShape(text).text;

describe("a shape", () => {
  test("is one line in lower case, with a mark for each value", () => {
    expect(shape("SELECT  *\nFROM Users u WHERE u.Id=42 AND name = 'Ann'")).toBe(
      "select * from users u where u.id = ? and name = ?",
    );
    expect(shape("insert into t(a, b) values ($1, $2), ($3, $4) returning id;")).toBe(
      "insert into t(a, b) values (?) returning id;",
    );
    expect(shape('UPDATE "Order" SET total = total - 5, note = NULL WHERE gone IS NULL')).toBe(
      'update "Order" set total = total - ?, note = ? where gone is null',
    );
    expect(shape("select count (*), a::int[], tags[1], array[1,2,3] from s.t limit 10")).toBe(
      "select count(*), a::int[], tags[?], array[?] from s.t limit ?",
    );
    expect(shape("select data->>'key', data @> '{}', x <= -1.5e-3 and y=-1")).toBe(
      "select data ->> ?, data @> ?, x <= ? and y = ?",
    );
  });

  test("is the same for lists of any length", () => {
    expect(shape("select 1 from t where id in (1)")).toBe(
      shape("select 1 from t where id in (-1,2 , 3)"),
    );
    expect(shape("insert into t values (1,'a')")).toBe(
      shape("insert into t values (1,'a'), (2,'b'), (3,'c')"),
    );
  });

  test.each([
    ["a string with a quote in it", "select 'it''s SECRET'"],
    ["a string with escapes", String.raw`select E'it\'s SECRET'`],
    ["a string that ends in a backslash", String.raw`select 'a\' || 'SECRET'`],
    ["a string where backslashes may escape", String.raw`select 'a\' SECRET'`],
    ["a dollar quote", "select $$SECRET$$"],
    ["a dollar quote in another", "select $a$ $b$SECRET$b$ $$SECRET$$ $a$"],
    ["a bit string", "select B'1', x'5EC2E7', N'SECRET', U&'SECRET'"],
    ["an open string", "select 'SECRET"],
    ["an open dollar quote", "select $x$SECRET $$"],
    ["an open name", 'select "SECRET'],
    ["an open comment", "select /* SECRET"],
    ["a comment", "select 1 -- SECRET\n, 2 /* SECRET /* SECRET */ SECRET */"],
    ["a number with letters behind it", "select 0xSECRET, 1SECRET, 1.5SECRET"],
    ["a setting", "set app.user = SECRET"],
    ["a setting by TO", "SET LOCAL app.user TO SECRET, SECRET"],
    ["a role", "set session role SECRET; set local role SECRET"],
    ["a time zone", "set time zone SECRET"],
    ["a setting of a role", "alter role x set app.key to SECRET"],
    ["a notification", "notify channel, 'SECRET'"],
    ["a password", "create role x password 'SECRET'"],
    ["a function's body", "do $body$ begin perform f('SECRET'); end $body$"],
  ])("shows nothing of %s", (_, text) => {
    expect(shape(text)).not.toMatch(/secret|5ec2e7/i);
  });

  test("names that look like quotes of other systems stay names", () => {
    expect(shape("select e, b, x, n, u & 1 from t where e='a'")).toBe(
      "select e, b, x, n, u & ? from t where e = ?",
    );
    expect(shape("select a$b$c, 1 from b$1")).toBe("select a$b$c, ? from b$1");
  });

  test("of a statement without end is bounded, and the rest of it counts for the fingerprint only", () => {
    const columns = Array.from({ length: 2000 }, (_, index) => `column_${index}`).join(", ");
    const long = sqlShape(`select ${columns} from t`);

    expect(long.text).toHaveLength(shapeCharactersMax);
    expect(long.text).toEndWith("…");
    expect(long.fingerprint).not.toBe(sqlShape(`select ${columns} from u`).fingerprint);
    expect(shape(`select 1 in (${"1,".repeat(1_000_000)}1)`).length).toBeLessThan(20);
  });

  test("has a fingerprint that stays the same over restarts", () => {
    expect(sqlShape("select 1").fingerprint).toBe(sqlShape("SELECT  $1 -- x").fingerprint);
    expect(sqlShape("select 1").fingerprint).toBe(FINGERPRINT_OF_SELECT);
  });
});

const FINGERPRINT_OF_SELECT = "5cebf5a72fb4640c";

describe("shapes of random statements", () => {
  const seed = testSeed();

  test(`have no value in them and do not depend on how they are written, seed ${seed}`, () => {
    const random = randomOf(seed);
    for (let round = 0; round < 3000; round += 1) {
      const parts = Array.from({ length: 1 + random(12) }, () => part(random));
      const [one, two] = [written(random, parts), written(random, parts)];

      expect(shape(one), one).not.toMatch(/secret/i);
      expect(shape(one), `${one}\n${two}`).toBe(shape(two));
    }
  });

  test(`never throw and are bounded whatever the text, seed ${seed}`, () => {
    const random = randomOf(seed);
    const pieces = [
      "'",
      '"',
      "$",
      "$$",
      "$a$",
      "\\",
      "--",
      "/*",
      "*/",
      "\n",
      "e'",
      "u&'",
      "1",
      ".",
      "e",
      "-",
      "::",
      ";",
      "(",
      ",",
      ")",
      "é",
      "\0",
      "\ud800",
      "set ",
      " to ",
      "=",
    ];
    for (let round = 0; round < 5000; round += 1) {
      const text = Array.from({ length: random(30) }, () => pick(random, pieces)).join("");

      expect(shape(text).length).toBeLessThanOrEqual(shapeCharactersMax);
      expect(shape(text)).not.toContain("\n");
    }
  });
});

test("shapes that are asked for again are kept, in bounded number, and long texts are not", () => {
  const shapes = new SqlShapes();

  const first = shapes.of("select 0 as kept");
  for (let index = 0; index < shapesKeptMax * 2; index += 1) {
    shapes.of(`select ${index}`);
    expect(shapes.of("select 0 as kept")).toBe(first);
  }
  shapes.of(`select '${"x".repeat(5000)}'`);

  expect(shapes.size).toBe(shapesKeptMax);
  expect(shapes.of("select 0 as kept")).toBe(first);
});

/** A token, or a value to be written in any way. */
type Part = { word: string } | { mark: string } | "value" | "list";

function part(random: Random): Part {
  const kind = random(6);
  if (kind === 0) return "value";
  if (kind === 1) return "list";
  if (kind === 2)
    return { mark: pick(random, [",", "=", "<>", "||", "::text", "->>", "[", "]", ";"]) };
  return {
    word: pick(random, [
      "select",
      "from",
      "where",
      "users",
      "name",
      "between",
      "and",
      "e",
      "b",
      "u",
      "x",
      "n",
    ]),
  };
}

function written(random: Random, parts: readonly Part[]): string {
  return parts
    .map((each) => {
      if (each === "value") return value(random);
      if (each === "list") {
        const values = Array.from({ length: 1 + random(4) }, () => value(random));
        return `(${values.join(`${blank(random)},${blank(random)}`)})`;
      }
      if ("mark" in each) return each.mark;
      return [...each.word]
        .map((letter) => (random(2) === 0 ? letter : letter.toUpperCase()))
        .join("");
    })
    .map((text) => `${text}${blank(random)}`)
    .join(" ");
}

function blank(random: Random): string {
  return pick(random, [" ", "\n\t", " -- secret ' \" $$ \n", " /* secret ' /* $$ */ \" */ ", "  "]);
}

/** Every kind of literal, with the word `secret` in it where it can have one. */
function value(random: Random): string {
  return pick(random, [
    "'secret'",
    "'it''s secret'",
    "''",
    "'\"secret'",
    String.raw`E'secret\'secret\\'`,
    String.raw`e'\\'`,
    "B'01'",
    "X'secret'",
    "N'secret'",
    "U&'secret'",
    "$$secret ' secret$$",
    "$tag$secret $$ secret $x$ $tag$",
    "$1",
    "$27",
    "42",
    "4.2e-10",
    ".5",
    "1_000",
    "0xFF",
    "true",
    "NULL",
    "'/* secret'",
    "'-- secret'",
    "'secret;secret'",
  ]);
}
