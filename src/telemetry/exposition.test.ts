/** Goal: what Prometheus reads is what was meant. Method: a strict reader of the format reads it back. */
import { describe, expect, test } from "bun:test";
import { labelSet, type MetricFamily, renderFamily, withLabel } from "./exposition.ts";
import { readExposition } from "./exposition-for-tests.ts";

const hostile = ['a"b', "a\\b", "a\nb", "\\", '"', "\n", 'a\\"b\\n', "{},= #", "ä 日本"];

/** All of a family's text. */
const render = (shown: MetricFamily<null>) => [...renderFamily(shown, null)].join("");

const family = (samples: MetricFamily<null>["samples"]): MetricFamily<null> => ({
  name: "tests_total",
  type: "counter",
  help: 'Counts \\ and\n"more".',
  labels: ["app", "code"],
  samples,
});

test("labels and help with quotes, backslashes and line ends are read back as they were", () => {
  const text = render(
    family(function* () {
      for (const app of hostile) {
        yield { labels: withLabel(labelSet({ app }), "code", app), value: 1 };
      }
    }),
  );

  const read = readExposition(text).get("tests_total")!;

  expect(read.help).toBe('Counts \\ and\n"more".');
  expect(read.samples.map(({ labels }) => labels)).toEqual(
    hostile.map((app) => ({ app, code: app })),
  );
});

test("numbers are read back as they were, whatever they are", () => {
  const values = [0, 1, 0.1, 1e21, 1.5e-9, 2 ** 53, Number.POSITIVE_INFINITY, Number.NaN];

  const text = render({
    ...family(function* () {
      for (const [at, value] of values.entries()) {
        yield { labels: labelSet({ at: `${at}` }), value };
      }
      yield { labels: "", value: Number.NEGATIVE_INFINITY };
    }),
    name: "tests",
    type: "gauge",
  });

  const read = readExposition(text)
    .get("tests")!
    .samples.map(({ value }) => value);
  expect(read).toEqual([...values, Number.NEGATIVE_INFINITY]);
});

test("a family without samples says its type all the same", () => {
  expect(readExposition(render(family(function* () {}))).get("tests_total")).toEqual({
    type: "counter",
    help: 'Counts \\ and\n"more".',
    samples: [],
  });
});

describe("the reader refuses", () => {
  const head = "# HELP a_total A.\n# TYPE a_total counter\n";
  test.each([
    ["a last line without an end", `${head}a_total 1`],
    ["a sample of no family", "a_total 1\n"],
    ["a sample of another family", `${head}b_total 1\n`],
    ["TYPE without HELP", "# TYPE a_total counter\na_total 1\n"],
    ["a family twice", head + head],
    ["a series twice", `${head}a_total{x="1"} 1\na_total{x="1"} 2\n`],
    ["a label without quotes", `${head}a_total{x=1} 1\n`],
    ["a quote that is not escaped", `${head}a_total{x="a"b"} 1\n`],
    ["an unknown escape", `${head}a_total{x="a\\tb"} 1\n`],
    ["a comma too many", `${head}a_total{x="1",} 1\n`],
    ["no value", `${head}a_total \n`],
    ["a value that is none", `${head}a_total null\n`],
    ["a counter below zero", `${head}a_total -1\n`],
    ["a counter by another name", "# HELP a A.\n# TYPE a counter\na 1\n"],
    ["an empty line", `${head}\na_total 1\n`],
  ])("%s", (_what, text) => {
    expect(() => readExposition(text)).toThrow();
  });
});
