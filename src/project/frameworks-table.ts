/** The table of frameworks as Markdown, for docs/frameworks.md. Pure. */
import type { Framework, FrameworkOutput } from "./framework.ts";
import { FRAMEWORKS } from "./frameworks.ts";

/** Header and a row for each thing that a framework's build can leave. */
export function frameworksTable(): string {
  return [
    "| framework | `framework` | recognized by | build | leaves | started | served by the node | read into pages |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...FRAMEWORKS.flatMap(rowsOf),
  ].join("\n");
}

function rowsOf(framework: Framework): string[] {
  const { title, name, packages, configFiles, configText, build, publicPrefixes } = framework;
  const marks = [
    ...packages,
    ...configFiles.map((file) => (/\.json$/.test(file) ? file : `${file}.*`)),
  ];
  const because = marks.map(code);
  if (configText !== undefined) because.push(`${code(configText.says)} in ${configText.file}`);
  const head = [title, code(name), because.join(", "), build === null ? "" : code(build)];
  const prefixes = publicPrefixes.map((prefix) => code(`${prefix}*`)).join(", ");
  if (framework.outputs.length === 0) {
    const bundled = framework.bundle === false ? "not bundled" : "bundled";
    return [row([...head, `server, ${bundled}`, "its entry", "", prefixes])];
  }
  return framework.outputs.map((output, index) =>
    row([
      ...(index === 0 ? head : ["", "", "", ""]),
      ...cellsOf(output),
      index === 0 ? prefixes : "",
    ]),
  );
}

function cellsOf({ kind, announcement, start, assets }: FrameworkOutput): string[] {
  return [
    announcement === undefined ? kind : `${kind}: ${code(announcement.replaceAll("`", ""))}`,
    start === null ? "" : code(start),
    assets === null ? "" : code(assets),
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |").replaceAll("|  |", "| |");
}

function code(text: string): string {
  return `\`${text}\``;
}
