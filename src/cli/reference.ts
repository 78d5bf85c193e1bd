/**
 * `docs/cli.md` and `docs/schemas/`, made from the verbs: a flag cannot be missing there or have another meaning.
 *
 *   bun src/cli/reference.ts        writes them
 */
import { join } from "node:path";
import { schemaFiles } from "./outputs.ts";
import { GLOBAL_FLAGS, groups, NODE_FLAGS } from "./program.ts";
import type { Verb } from "./verb.ts";
import { loadVerbs } from "./verbs.ts";

/** Text of each file, by its path relative to the repository. */
export async function referenceFiles(): Promise<Record<string, string>> {
  return { "docs/cli.md": cliReference(await loadVerbs()), ...schemaFiles() };
}

const introduction = `# Command line

Made from \`src/cli/\` by \`bun src/cli/reference.ts\`; do not edit.

\`\`\`
levain <command> [options]
\`\`\`

The commands talk to the node of a data directory over the unix socket \`admin.sock\` in it, with the token in
\`admin-token\`: the directory of
\`--data-dir\`, else of \`LEVAIN_DATA_DIR\`, else \`/var/lib/levain\` for root, and \`$XDG_DATA_HOME/levain\` or \`~/.levain\` for
everybody else. Commands that ask a node also take the address of one behind a tunnel, \`--node\` or \`LEVAIN_NODE\`, and then
need its token, \`--token\` or better \`LEVAIN_TOKEN\`: flags are seen by every user of the machine. Only \`up\` reads \`levain.node.ts\`: when that file names another \`dataDir\`, name it to the other commands
too.

## What every command promises

- **Exit code.** 0: done. 1: failed. 2: not used as it is meant: an unknown command or flag, a value that cannot be, a name
  that is none, a missing consent, or a node's configuration with a mistake. 130: ended by a second Ctrl-C.
- **A value** never begins with \`--\`, so that a flag without its value does not take the next flag for it; \`--grep=--x\`
  says that it is meant.
- **\`--json\`** prints exactly one object on one line of stdout, whatever happens, and nothing on stderr:
  \`{"ok":true,"command":…,"data":…,"next":[…]}\` or
  \`{"ok":false,"command":…,"error":{"code","message","cause","fix","docs"},"next":[…]}\`. \`error.detail\` holds evidence when
  there is some, such as the last lines of an app that did not start. \`next\` are commands that are useful now; they can
  be run as they are.
- **Streams** are one JSON object a line: \`logs --json\` prints records, without an envelope; if it fails, the failure object is
  the last line. \`deploy --json --events\` prints the deploy's events first and its one object last.
- **JSON Schemas** of every output are in [\`docs/schemas/\`](schemas), one file per command. Tests check real outputs against
  them.
- **Text** has the result on stdout, progress and errors on stderr. Colors and the line that is written over are only
  for terminals; \`NO_COLOR\` and \`--no-color\` turn colors off. Tables fit the terminal, or 80 columns in a pipe (\`COLUMNS\`
  changes that); URLs are never cut.
- **Errors** have a code that never changes, and a fix. \`levain errors <code>\` explains one; all are in
  [errors.md](errors.md).
- **Ctrl-C** cancels a deploy, ends \`logs --follow\` with exit 0, and ends the waiting of \`down\`.
- **The app** may be left out where it stands in brackets: it is then the app of the current folder, by \`name\` in
  \`levain.config.ts\` or \`.json\`, in \`package.json\`, or the folder's own.

A version is written \`v7\` or \`7\`. Times are UTC.
`;

function cliReference(verbs: readonly Verb[]): string {
  const global = GLOBAL_FLAGS.map(([syntax, meaning]) => row(syntax, meaning)).join("\n");
  const parts = groups.flatMap((group) => [
    `## ${group}\n`,
    ...verbs.filter((verb) => verb.group === group).map(verbReference),
  ]);
  return `${introduction}
## Flags of every command

| flag | meaning |
| --- | --- |
${global}
| \`-h, --help\` | explain the command |

${parts.join("\n")}`;
}

function verbReference(verb: Verb): string {
  const usage = ["levain", verb.name, ...(verb.arguments ?? []).map(([syntax]) => syntax)];
  const sections = [
    `### levain ${verb.name}\n`,
    `\`${usage.join(" ")}${verb.flags === undefined && verb.asksNode !== true ? "" : " [options]"}\`\n`,
    `${verb.summary}.${verb.description === undefined ? "" : ` ${verb.description}`}\n`,
    table(
      "argument",
      verb.arguments?.map(([syntax, meaning]) => [syntax, meaning]),
    ),
    table("flag", [...(verb.flags ?? []), ...(verb.asksNode === true ? NODE_FLAGS : [])]),
    table("variable", verb.environment),
    exitTable(verb.exits),
    `\`\`\`sh\n${verb.examples.map(([words, meaning]) => `# ${meaning}\n${words}`).join("\n")}\n\`\`\`\n`,
    `Output with \`--json\`: [schemas/${verb.name}.json](schemas/${verb.name}.json)\n`,
  ];
  return sections.filter((section) => section !== "").join("\n");
}

function table(title: string, rows: Verb["flags"]): string {
  if (rows === undefined || rows.length === 0) return "";
  const lines = rows.map(([syntax, meaning]) => row(syntax, meaning));
  return `| ${title} | meaning |\n| --- | --- |\n${lines.join("\n")}\n`;
}

function exitTable(exits: Verb["exits"] = []): string {
  return table(
    "exit code",
    exits.map(([code, meaning]) => [`${code}`, meaning]),
  );
}

function row(syntax: string, meaning: string): string {
  return `| \`${syntax}\` | ${meaning.replace(/[<|]/g, "\\$&")} |`;
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(await referenceFiles())) {
    await Bun.write(join(import.meta.dir, "../..", path), text);
    console.log(`wrote ${path}`);
  }
}
