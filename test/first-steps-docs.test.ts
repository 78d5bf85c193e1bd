/** Goal: what a newcomer types first exists. Method: every command of the pages is read by the program itself. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readWords } from "../src/cli/program.ts";
import { loadVerbs } from "../src/cli/verbs.ts";

const ROOT = join(import.meta.dir, "..");
const pages = [
  "README.md",
  "docs/first-app.md",
  "docs/dev.md",
  "docs/templates.md",
  ...new Bun.Glob("examples/*/README.md").scanSync(ROOT),
];

/** Commands in code blocks and in code spans. */
function commandsIn(text: string): string[] {
  const found = text.matchAll(/(?:^(?:\$ )?|; |`)(?:\.\/)?levain ([a-z][^\n`;|]*)/gm);
  const commands = [...found].map(([, words = ""]) => words.replace(/( &&| +#).*/, "").trim());
  // The launcher's own.
  return commands.filter((words) => words !== "test");
}

test("every command of the first pages is one, with flags that it has", async () => {
  const verbs = await loadVerbs();

  for (const page of pages) {
    const text = await Bun.file(join(ROOT, page)).text();
    // Its tables name commands without what they take.
    const commands = commandsIn(page === "README.md" ? text.replace(/^\|.*$/gm, "") : text);
    for (const command of commands) {
      const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(
        ([, quoted, bare]) => quoted ?? bare ?? "",
      );
      expect(readWords(words, verbs)?.verb.name, `${page}: levain ${command}`).toBe(words[0] ?? "");
    }
    if (page === "docs/first-app.md") expect(commands.length).toBeGreaterThan(15);
  }
});

test("files that the first pages link to exist", async () => {
  for (const page of pages) {
    const text = await Bun.file(join(ROOT, page)).text();
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      const path = join(ROOT, page, "..", target);
      expect(existsSync(path), `${page} → ${target}`).toBe(true);
    }
  }
});
