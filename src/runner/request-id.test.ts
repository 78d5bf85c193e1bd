/** Goal: an app can say of each query which request it belongs to. Method: a real runner with the test in the node's place. */
import { expect, test } from "bun:test";
import { TestRunner } from "./runner-for-tests.ts";

interface Answer {
  outside: unknown[];
  atOnce: string;
  later: string;
  mark: string;
  queries: string[];
}

test("an app learns the id of its request, and queries of pg carry it", async () => {
  await using runner = await TestRunner.start("marks-queries.ts");

  const { outside, atOnce, later, mark, queries } = await asked(runner, "abc-1");

  expect(outside).toEqual([null, "", "", "SELECT 0"]);
  expect([atOnce, later]).toEqual(["abc-1", "abc-1"]);
  expect(mark).toBe("levain:request=abc-1");
  const [text, object, named, template, cursor] = queries;
  expect([text, object, template]).toEqual([
    "/* levain:request=abc-1 */ SELECT 1",
    "/* levain:request=abc-1 */ SELECT 2",
    "/* levain:request=abc-1 */ SELECT 4",
  ]);
  // Under a name it would be another statement each time.
  expect([named, cursor]).toEqual(["SELECT 3", "SELECT 5"]);
});

test("an id that would end the comment is never in the text of a query", async () => {
  await using runner = await TestRunner.start("marks-queries.ts");

  for (const id of ["*/;DROP/**/TABLE/**/orders;/*", "a*/b", "it's", 'say"so', "$1", "a;b"]) {
    const { atOnce, mark, queries } = await asked(runner, id);

    expect(atOnce).toBe(id);
    expect(mark).toBe("");
    expect(queries).toEqual(["SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4", "SELECT 5"]);
  }
});

test("requests that run at once have their own ids", async () => {
  await using runner = await TestRunner.start("marks-queries.ts");

  const ids = Array.from({ length: 10 }, (_, index) => `r-${index}`);
  const answers = await Promise.all(ids.map((id) => asked(runner, id)));

  expect(answers.map(({ later }) => later)).toEqual(ids);
  for (const { atOnce, later, queries } of answers) {
    expect(atOnce).toBe(later);
    expect(queries[0]).toBe(`/* levain:request=${later} */ SELECT 1`);
  }
});

async function asked(runner: TestRunner, requestId: string): Promise<Answer> {
  return JSON.parse((await runner.ask("/", { requestId })).text) as Answer;
}
