/**
 * Writes the docs that are made from code: `docs/errors.md` from the error catalogue, `docs/limits.md` from every
 * `src/<folder>/limits.ts`, the table in `docs/frameworks.md` from what is known of frameworks, those in `docs/warm-starts.md` from
 * the broker's settings and metrics. Numbers live in code; `src/docs.test.ts` fails when a written file differs.
 *
 *   bun scripts/docs.ts
 */
import { join } from "node:path";
import { CATALOG_BY_GROUP, type ErrorRow } from "../src/base/catalog.ts";
import { templatesOf } from "../src/base/errors.ts";
import { brokerMetricsTable, brokerSettingsTable } from "../src/broker/settings-docs.ts";
import { frameworksTable } from "../src/project/frameworks-table.ts";

const ROOT = join(import.meta.dir, "..");

/** What a limit counts, as its name says; a name that says nothing counts things. */
type Unit = "bytes" | "bytesPerSecond" | "ms" | "seconds" | "characters" | "count";

/** One named bound. */
interface Limit {
  name: string;
  value: number;
  unit: Unit;
  reason: string;
}

/** Text of each file that is made from code, by path relative to the repository. */
export async function generateDocs(): Promise<Record<string, string>> {
  return {
    "docs/errors.md": errorsDoc(),
    "docs/limits.md": await limitsDoc(),
    "docs/frameworks.md": await withTables("docs/frameworks.md", { frameworks: frameworksTable }),
    "docs/warm-starts.md": await withTables("docs/warm-starts.md", {
      settings: brokerSettingsTable,
      metrics: brokerMetricsTable,
    }),
  };
}

/** A file that is written by hand but for its tables, each between `<!-- begin name -->` and `<!-- end name -->`. */
async function withTables(path: string, tables: Record<string, () => string>): Promise<string> {
  let text = await Bun.file(join(ROOT, path)).text();
  for (const [name, table] of Object.entries(tables)) {
    const between = new RegExp(`(<!-- begin ${name} -->\\n)[\\s\\S]*(<!-- end ${name} -->)`);
    text = text.replace(between, (_, begin, end) => `${begin}${table()}\n${end}`);
  }
  return text;
}

// --- errors ---

function errorsDoc(): string {
  const sections = Object.entries(CATALOG_BY_GROUP).flatMap(([title, rows]) =>
    Object.entries(rows).map(([code, row], index) => {
      const heading = index === 0 ? `## ${title}\n\n` : "";
      return heading + errorSection(code, row);
    }),
  );
  return `# Errors

Made from \`src/base/*-errors.ts\` by \`bun scripts/docs.ts\`; do not edit.

Each error that Levain reports has a code that never changes. The command line prints the code, the message and the fix;
with \`--json\`, in the admin API and in answers to programs the same stands as \`code\`, \`message\`, \`cause\` and \`fix\`.
The status is what the edge or the admin API answers with. The owner is who can fix it: **user** is the author of the
request, the app or the command, **platform** is the node or its operator. Words in \`<…>\` are filled in.

${sections.join("\n")}`;
}

function errorSection(code: string, row: ErrorRow): string {
  const { message, remedy } = templatesOf(row);
  return `### ${code}

${message.replaceAll("<", "\\<")}

- Status: ${row.status}
- Owner: ${row.owner}
- Fix: ${remedy}
`;
}

// --- limits ---

async function limitsDoc(): Promise<string> {
  const sections: string[] = [];
  for (const path of [...new Bun.Glob("src/*/limits.ts").scanSync(ROOT)].sort()) {
    const folder = path.split("/")[1] ?? "";
    const rows = (await readLimits(path)).map(
      ({ name, value, unit, reason }) =>
        `| \`${name}\` | ${showValue(value, unit)} | ${reason.replaceAll("|", "\\|")} |`,
    );
    sections.push(
      `## ${folder}\n\n| name | value | why |\n| --- | --- | --- |\n${rows.join("\n")}\n`,
    );
  }
  return `# Limits

Made from \`src/*/limits.ts\` by \`bun scripts/docs.ts\`; do not edit.

Every wait, queue and buffer of Levain is bounded. These are the bounds that are the same for each app; what an app can
set for itself stands in its configuration.

${sections.join("\n")}`;
}

/**
 * The limits of one file, in its order.
 *
 * @throws {Error} when an export is no number or has no comment; the message says which.
 */
export async function readLimits(path: string): Promise<Limit[]> {
  const source = await Bun.file(join(ROOT, path)).text();
  const values: Record<string, unknown> = await import(join(ROOT, path));
  const comments = new Map<string, string>();
  for (const [, comment = "", name = ""] of source.matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport const (\w+)/g,
  )) {
    comments.set(name, comment.replace(/\s*\n\s*\*?\s*/g, " ").trim());
  }
  const order = [...source.matchAll(/^export (?:const|function|class) (\w+)/gm)].map(
    ([, name = ""]) => name,
  );
  return order.map((name) => {
    const value = values[name];
    if (typeof value !== "number")
      throw new Error(`${path}: ${name} is no number; limits.ts holds numbers only`);
    const comment = comments.get(name);
    if (comment === undefined) {
      throw new Error(
        `${path}: ${name} has no comment; write /** Why it has this value. Milliseconds. */ above it`,
      );
    }
    // The unit stands in the value already; what says more than the unit stays.
    const reason = comment.replace(
      /(?<=[.:;]) (Bytes|Bytes per second|Milliseconds|Seconds|Characters|Count)\.$/,
      "",
    );
    return { name, value, unit: unitOf(name), reason };
  });
}

function unitOf(name: string): Unit {
  if (/BytesPerSecond/.test(name)) return "bytesPerSecond";
  if (/Bytes([A-Z]|$)/.test(name)) return "bytes";
  if (/Ms([A-Z]|$)/.test(name)) return "ms";
  if (/(Seconds([A-Z]|$)|S$)/.test(name)) return "seconds";
  if (/Characters([A-Z]|$)/.test(name)) return "characters";
  return "count";
}

/** A number as a person reads it, exact. */
function showValue(value: number, unit: Unit): string {
  const plain = value.toLocaleString("en-US", { maximumFractionDigits: 6 });
  switch (unit) {
    case "bytes":
      return showBytes(value);
    case "bytesPerSecond":
      return `${showBytes(value)}/s`;
    case "ms":
      return value >= 1000 && value % 100 === 0 ? showSeconds(value / 1000) : `${plain} ms`;
    case "seconds":
      return showSeconds(value);
    case "characters":
      return `${plain} characters`;
    case "count":
      return plain;
  }
}

function showBytes(bytes: number): string {
  const units = [
    ["GiB", 1024 ** 3],
    ["MiB", 1024 ** 2],
    ["KiB", 1024],
  ] as const;
  for (const [name, factor] of units) {
    if (bytes >= factor && bytes % (factor / 4) === 0) return `${bytes / factor} ${name}`;
  }
  return `${bytes.toLocaleString("en-US")} bytes`;
}

function showSeconds(seconds: number): string {
  const units = [
    ["days", 86_400],
    ["h", 3_600],
    ["min", 60],
  ] as const;
  for (const [name, factor] of units) {
    if (seconds >= 2 * factor && seconds % factor === 0) return `${seconds / factor} ${name}`;
  }
  return `${seconds} s`;
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(await generateDocs())) {
    await Bun.write(join(ROOT, path), text);
    console.log(`wrote ${path}`);
  }
}
