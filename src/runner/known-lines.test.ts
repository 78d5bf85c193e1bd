/**
 * Goal: what is written without asking a Response for its headers is what it would have said. Method: the same init is
 * given to a Response that is asked.
 */
import { expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import { jsonLines, knownLines } from "./known-lines.ts";

const names = [
  "X-A",
  "x-a",
  "content-type",
  "Content-Type",
  "X-b",
  "date",
  "set-cookie",
  "Upgrade",
];
const values = ["", "1", "a b", " blank ", "\tx", "ü", "č", 'q="x"', "a,b"];

function sorted(block: string): string[] {
  return block.split("\r\n").slice(0, -1).sort();
}

function asked(init: ResponseInit | undefined): string[] {
  const lines: string[] = [];
  new Response("", init).headers.forEach((value, name) => void lines.push(`${name}: ${value}`));
  return lines.sort();
}

test("lines that are known are those that the Response has", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  let known = 0;

  for (let round = 0; round < 20_000; round++) {
    const headers: Record<string, string> = {};
    for (let count = random(4); count > 0; count--) {
      headers[pick(random, names)] = pick(random, values);
    }
    const lines = knownLines({ headers });
    if (lines === undefined) continue;
    known += 1;
    const theirs = asked({ headers });
    if (sorted(lines.block).join("\n") !== theirs.join("\n")) {
      expect.unreachable(`seed ${seed}: ${JSON.stringify([headers, lines.block, theirs])}`);
    }
    expect(`content-type: ${lines.contentType}`).toBe(
      theirs.find((line) => line.startsWith("content-type:")) ?? "content-type: ",
    );
  }

  expect(known).toBeGreaterThan(1000);
});

test("what is not plain has to be asked for", () => {
  class Init {
    headers = { a: "b" };
  }
  const inits = [
    new Init(),
    { headers: new Headers({ a: "b" }) },
    { headers: [["a", "b"]] as [string, string][] },
    { headers: { "set-cookie": "a=b" } },
    { headers: { connection: "close" } },
    { headers: { "content-length": "3" } },
    { headers: { a: 1 as unknown as string } },
    { headers: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`x-${index}`, "1"])) },
    new Response("", { headers: { a: "b" } }),
  ];

  for (const init of inits) expect(knownLines(init as ResponseInit)).toBeUndefined();
});

test("what Response.json says is what is written for it", () => {
  expect(sorted(jsonLines.block)).toEqual([
    `content-type: ${Response.json({}).headers.get("content-type")}`,
  ]);
});
