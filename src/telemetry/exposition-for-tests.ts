/**
 * A strict reader of Prometheus' text format 0.0.4, written from its description: whatever Prometheus would refuse, or
 * take in another sense than it was meant, is an error.
 */

export interface ReadFamily {
  type: string;
  help: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const SUFFIXES: Record<string, RegExp> = {
  histogram: /_(bucket|sum|count)$/,
  summary: /_(sum|count)$/,
};

/** Families by name. @throws what is wrong, with its line */
export function readExposition(text: string): Map<string, ReadFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line is not ended");
  const families = new Map<string, ReadFamily>();
  const series = new Set<string>();
  let current = "";
  let hasHelp = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const wrong = (what: string) => new Error(`${what}: ${line}`);
    const head = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (head !== null) {
      const [, kind, name = "", rest = ""] = head;
      if (METRIC.exec(name)?.[0] !== name) throw wrong("no name of a metric");
      if (kind === "HELP") {
        if (families.has(name)) throw wrong("a family twice, or HELP after TYPE");
        if (/\\[^\\n]|\\$/.test(rest.replaceAll("\\\\", ""))) throw wrong("an unknown escape");
        hasHelp = name;
        families.set(name, { type: "", help: unescaped(rest), samples: [] });
      } else {
        const family = families.get(name);
        if (family === undefined || hasHelp !== name)
          throw wrong("TYPE without its HELP before it");
        if (!/^(counter|gauge|histogram|summary|untyped)$/.test(rest)) throw wrong("no type");
        if (family.type !== "") throw wrong("a type twice");
        family.type = rest;
        current = name;
      }
      continue;
    }
    if (line === "" || line.startsWith("#")) throw wrong("neither a sample nor a head");
    const sample = readSample(line, wrong);
    const family = families.get(current);
    const base = sample.name.replace(SUFFIXES[family?.type ?? ""] ?? /$^/, "");
    if (family === undefined || base !== current) throw wrong("a sample outside of its family");
    const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (series.has(key)) throw wrong("a series twice");
    series.add(key);
    if (family.type === "counter" && !(sample.value >= 0)) throw wrong("a counter below zero");
    if (family.type === "counter" && !current.endsWith("_total")) throw wrong("a counter's name");
    family.samples.push(sample);
  }
  for (const [name, { type }] of families) if (type === "") throw new Error(`${name} has no type`);
  return families;
}

function readSample(line: string, wrong: (what: string) => Error) {
  const name = METRIC.exec(line)?.[0];
  if (name === undefined) throw wrong("no name of a metric");
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith("{")) {
    rest = rest.slice(1);
    while (!rest.startsWith("}")) {
      const pair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,(?!\})|(?=\}))/.exec(
        rest,
      );
      if (pair === null) throw wrong("no label");
      const [whole, label = "", value = ""] = pair;
      if (label.startsWith("__") || label in labels) throw wrong("a reserved label, or one twice");
      labels[label] = unescaped(value);
      rest = rest.slice(whole.length);
    }
    rest = rest.slice(1);
  }
  const value = /^ (\+Inf|-Inf|NaN|-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)$/.exec(rest)?.[1];
  if (value === undefined) throw wrong("no value");
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}

function unescaped(text: string): string {
  return text.replace(/\\([\\"n])/g, (_all, letter) => (letter === "n" ? "\n" : letter));
}
