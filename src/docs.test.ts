/** The docs say what the code does: what can be made from code is, and what is written by hand may not point nowhere. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { generateDocs, readLimits } from "../scripts/docs.ts";
import { CATALOG } from "./base/catalog.ts";
import { templatesOf } from "./base/errors.ts";

const ROOT = join(import.meta.dir, "..");

/** Without its composition root the program is still being put together: what nothing uses may be used tomorrow. */
const isWhole = existsSync(join(ROOT, "src/main.ts"));

/** Text of every source file of ours that is not a test, by path relative to the repository. */
async function readSources(): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for await (const path of new Bun.Glob("{src,sdk}/**/*.{ts,tsx}").scan(ROOT)) {
    if (path.includes("node_modules/") || path.endsWith(".test.ts")) continue;
    sources.set(path, await Bun.file(join(ROOT, path)).text());
  }
  return sources;
}

describe("docs made from code", () => {
  test("every error and every limit can be documented from its code", async () => {
    const docs = await generateDocs();

    expect(docs["docs/errors.md"]).toContain("### INTERNAL");
    expect(docs["docs/limits.md"]).toContain("## telemetry");
  });

  test.skipIf(!isWhole)("docs/errors.md and docs/limits.md are what the code says", async () => {
    const stale: string[] = [];

    for (const [path, text] of Object.entries(await generateDocs())) {
      const file = Bun.file(join(ROOT, path));
      if (!(await file.exists()) || (await file.text()) !== text)
        stale.push(`${path}: run \`bun scripts/docs.ts\``);
    }

    expect(stale).toEqual([]);
  });

  test.skipIf(!isWhole)("every code of the catalogue is used by the program", async () => {
    const sources = await readSources();
    for (const path of sources.keys()) {
      if (/^src\/base\/[a-z]+-errors\.ts$/.test(path)) sources.delete(path);
    }
    const program = [...sources.values()].join("\n");

    const unused = Object.keys(CATALOG)
      .filter((code) => !program.includes(`"${code}"`))
      .map((code) => `${code}: nothing throws it. Throw it, or remove its row from src/base`);

    expect(unused).toEqual([]);
  });

  test.skipIf(!isWhole)("every limit is used by the program", async () => {
    const sources = await readSources();
    const unused: string[] = [];
    const limitFiles = [...sources.keys()].filter((name) => /^src\/[^/]+\/limits\.ts$/.test(name));
    /** In how many files each word stands. */
    const files = new Map<string, number>();
    for (const text of sources.values()) {
      for (const word of new Set(text.match(/\w+/g))) files.set(word, (files.get(word) ?? 0) + 1);
    }

    for (const path of limitFiles) {
      const own = sources.get(path) ?? "";
      for (const { name } of await readLimits(path)) {
        // A limit may also be there for another limit to be counted from.
        const uses = [...own.matchAll(new RegExp(`\\b${name}\\b`, "g"))].length;
        if (uses > 1 || (files.get(name) ?? 0) > 1) continue;
        unused.push(`${path}: nothing uses ${name}. Use it or remove it`);
      }
    }

    expect(unused).toEqual([]);
  });
});

describe("docs written by hand", () => {
  test("links and file names lead somewhere", async () => {
    const broken: string[] = [];

    // Two patterns: Bun 1.4.5 finds nothing for one whose first brace has a slash in it.
    const paths = ["*.md", "{docs,bench,examples,sdk}/**/*.md"].flatMap((pattern) => [
      ...new Bun.Glob(pattern).scanSync(ROOT),
    ]);
    expect(paths).toContain("docs/errors.md");
    for (const path of paths) {
      if (path.includes("node_modules/")) continue;
      const text = (await Bun.file(join(ROOT, path)).text()).replace(/^```[\s\S]*?^```/gm, "");
      for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [file = "", anchor] = target.split("#");
        const linked = file === "" ? path : join(dirname(path), file);
        if (!existsSync(join(ROOT, linked)))
          broken.push(`${path} links to ${target}, which does not exist`);
        else if (
          anchor !== undefined &&
          linked.endsWith(".md") &&
          !(await anchorsOf(linked)).has(anchor)
        ) {
          broken.push(`${path} links to ${target}: ${linked} has no such heading`);
        }
      }
    }

    expect(broken).toEqual([]);
  });

  test("every page of docs/ is in its index", async () => {
    const index = await Bun.file(join(ROOT, "docs/README.md")).text();

    const lost = [...new Bun.Glob("*.md").scanSync(join(ROOT, "docs"))]
      .filter((page) => page !== "README.md" && !index.includes(`](${page})`))
      .map((page) => `docs/${page}: nobody finds it. Give it a row in docs/README.md`);

    expect(lost).toEqual([]);
  });

  test.skipIf(!isWhole)("the docs that an error's remedy names exist", () => {
    const missing = Object.entries(CATALOG).flatMap(([code, row]) =>
      [...templatesOf(row).remedy.matchAll(/\bdocs\/[\w/-]+\.md\b/g)]
        .map(([path]) => path)
        .filter((path) => !existsSync(join(ROOT, path)))
        .map((path) => `${code} sends people to ${path}, which does not exist`),
    );

    expect(missing).toEqual([]);
  });
});

/** Anchors of a file's headings, as GitHub makes them. */
async function anchorsOf(path: string): Promise<Set<string>> {
  const text = await Bun.file(join(ROOT, path)).text();
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_\- ]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}
