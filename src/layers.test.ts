/**
 * The wall: which folder may import which, as data, and the rules of style that a test can hold. The arrows are those
 * of ARCHITECTURE.md; a new folder under src/ starts by getting a row here.
 */
import { describe, expect, test } from "bun:test";
import { dirname, join, normalize, sep } from "node:path";

const ROOT = join(import.meta.dir, "..");

const MAY_IMPORT: Record<string, readonly string[]> = {
  // requests:  edge → router → pool → wire, sandbox;  runner is the other end of the wire
  edge: ["router", "hooks", "assets", "http"],
  router: ["pool"],
  pool: ["wire", "sandbox"],
  wire: [],
  runner: ["wire"],
  sandbox: [],
  // the operator's request hooks: loaded once, called by the edge
  hooks: [],
  // files that the node answers by itself: prepared by a build, served by the edge
  assets: [],
  // what `levain dev` makes of a project; the lane is passed to it
  dev: ["assets", "deploy", "project", "secrets"],
  // control:  cli → control → deploy → store
  cli: [
    "backup",
    "broker",
    "control",
    "deploy",
    "dev",
    "migrations",
    "perf",
    "project",
    "qualify",
    "runtimes",
    "sandbox",
    "secrets",
  ],
  control: [
    "backup",
    "broker",
    "database",
    "deploy",
    "migrations",
    "runtimes",
    "secrets",
    "store",
    "router",
    "sandbox",
    "hooks",
  ],
  deploy: [
    "assets",
    "database",
    "migrations",
    "project",
    "runtimes",
    "secrets",
    "store",
    "sandbox",
  ],
  // what brings a branch's database up to date: SQL files, locks, what is noted there
  migrations: ["store"],
  // environment values: which there are for a branch, sealed and opened
  secrets: ["store"],
  // what is known of projects and frameworks, as data and pure decisions
  project: [],
  store: [],
  // databases of branches: made, copied, dropped; the relay in front of them is passed in
  database: ["store", "secrets", "relay"],
  // between apps and PostgreSQL: speaks its protocol to both
  relay: [],
  // HTTP/1.x over a raw socket: heads, bodies, what is written
  http: [],
  // warm starts for idle runners, over long polls; soft state only
  broker: ["http"],
  // all a node has, taken elsewhere and back
  backup: ["database", "deploy", "sandbox", "secrets", "store"],
  // what measures: the load engine speaks to the edge's connections in memory
  perf: ["assets", "broker", "deploy", "edge", "hooks", "http", "sandbox"],
  // what is tested on a list of Bun versions
  qualify: ["deploy", "perf", "relay", "runtimes", "sandbox", "store"],
  // the Bun that an app runs on: fetched, kept
  runtimes: ["sandbox"],
  // leaves
  base: [],
  telemetry: [],
};

/** Anyone in src/ may import these; they import only each other. */
const LEAVES: readonly string[] = ["base", "telemetry"];

/** Only the composition root stands outside of the folders: it knows every part, and no part knows it. */
const COMPOSITION_ROOT = "src/main.ts";

/** Longer than this, and a file is two concepts. Lines. */
const sourceLinesMax = 400;
/** Test files hold many small cases of one concept. Lines. */
const testLinesMax = 600;

const FORBIDDEN_NAMES = ["utils", "util", "common", "helpers", "helper", "types", "misc"];

const PARTS = ["src", "sdk", "hooks", "test", "bench", "examples", "scripts"];

interface SourceFile {
  /** Relative to the repository, with `/`. */
  path: string;
  text: string;
}

async function readSources(): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  const glob = new Bun.Glob(`{${PARTS.join(",")}}/**/*.{ts,tsx}`);
  for await (const path of glob.scan({ cwd: ROOT })) {
    if (path.includes("node_modules/")) continue;
    files.push({ path, text: await Bun.file(join(ROOT, path)).text() });
  }
  return files.sort((left, right) => (left.path < right.path ? -1 : 1));
}

/** Paths, relative to the repository, that a file imports by a relative name: statically, dynamically or as a type. */
function relativeImports({ path, text }: SourceFile): string[] {
  const names = withoutComments(text).matchAll(
    /(?:\bfrom|\bimport|\bimport\s*\(|\brequire\s*\()\s*["'`](\.\.?\/[^"'`]*)["'`]/g,
  );
  return [...names].map(([, name = ""]) =>
    normalize(join(dirname(path), name))
      .split(sep)
      .join("/"),
  );
}

/** Good enough for imports: comments hold examples of them. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

/** What is wrong with one import, and what to do about it; null when the arrow exists. */
function violation(path: string, imported: string): string | null {
  const [part, folder = ""] = path.split("/");
  const [importedPart, importedFolder = ""] = imported.split("/");
  if (imported === COMPOSITION_ROOT) {
    return `${path} imports ${imported}: only a process may run it. Move what is needed into the folder of its concept`;
  }
  if (part === "sdk") {
    if (importedPart === "sdk") return null;
    return `${path} imports ${imported}: sdk/ is installed alone. Move what it needs into sdk/`;
  }
  // Directly in src/ there are only the composition root and tests of the whole.
  if (part !== "src" || folder.endsWith(".ts")) return null;
  if (importedPart === "sdk") return null;
  // It says the version, also inside an executable.
  if (imported === "package.json") return null;
  if (importedPart !== "src") {
    return `${path} imports ${imported}: src/ may not use ${importedPart}/. Move the code into src/`;
  }
  if (importedFolder === folder) return null;
  const allowed = MAY_IMPORT[folder];
  if (allowed === undefined) {
    return `${path}: folder src/${folder}/ has no row. Add one to MAY_IMPORT in src/layers.test.ts and to ARCHITECTURE.md`;
  }
  if (LEAVES.includes(importedFolder) || allowed.includes(importedFolder)) return null;
  const may = [...allowed, ...LEAVES].join(", ");
  return `${path} imports ${imported}: ${folder}/ may only use ${may}. Pass it in from src/main.ts, or move the code`;
}

describe("the wall", () => {
  test("imports follow the arrows", async () => {
    const violations = (await readSources()).flatMap((file) =>
      relativeImports(file).map((imported) => violation(file.path, imported)),
    );

    expect(violations.filter((text) => text !== null)).toEqual([]);
  });

  test("an import against an arrow is found however it is written", () => {
    const forms = [
      'import { a } from "../store/a.ts";',
      'import type { A } from "../store/a.ts";',
      'import "../store/a.ts";',
      'export * from "../store/a.ts";',
      'const a = await import("../store/a.ts");',
      'const a = await import(\n  "../store/a.ts"\n);',
      'const a = require("../store/a.ts");',
      'type A = import("../store/a.ts").A;',
      'import {\n  a,\n  b,\n} from "../store/a.ts";',
      'import { a } from "../../src/store/a.ts";',
    ];

    for (const text of forms) {
      const imports = relativeImports({ path: "src/edge/x.ts", text });
      expect(imports, text).toEqual(["src/store/a.ts"]);
      expect(violation("src/edge/x.ts", imports[0]!), text).toContain(
        "edge/ may only use router, hooks, assets, http, base, telemetry",
      );
    }
  });

  test("arrows that exist are allowed and everything else is not", () => {
    expect(violation("src/edge/x.ts", "src/router/y.ts")).toBeNull();
    expect(violation("src/edge/x.ts", "src/base/y.ts")).toBeNull();
    expect(violation("src/edge/deep/x.ts", "src/edge/y.ts")).toBeNull();
    expect(violation("src/main.ts", "src/store/y.ts")).toBeNull();
    expect(violation("test/x.test.ts", "src/store/y.ts")).toBeNull();
    expect(violation("src/base/x.ts", "src/wire/y.ts")).toContain("base/ may only use");
    expect(violation("src/edge/x.ts", "src/main.ts")).toContain("only a process may run it");
    expect(violation("src/edge/x.ts", "test/y.ts")).toContain("Move the code into src/");
    expect(violation("sdk/src/x.ts", "src/base/y.ts")).toContain("sdk/ is installed alone");
    expect(violation("src/novel/x.ts", "src/base/y.ts")).toContain("has no row");
  });

  test("the arrows have no cycle", () => {
    const visit = (folder: string, trail: readonly string[]): void => {
      expect(trail, `${[...trail, folder].join(" → ")}: break the cycle`).not.toContain(folder);
      for (const next of MAY_IMPORT[folder] ?? []) visit(next, [...trail, folder]);
    };

    for (const folder of Object.keys(MAY_IMPORT)) visit(folder, []);
  });

  test("the sdk imports nothing but itself and what Bun has built in", async () => {
    const violations = (await readSources())
      .filter(({ path }) => path.startsWith("sdk/") && !path.endsWith(".test.ts"))
      .flatMap(({ path, text }) =>
        [
          ...withoutComments(text).matchAll(
            /(?:\bfrom|\bimport|\bimport\s*\()\s*["']([^."'][^"']*)["']/g,
          ),
        ]
          .map(([, name = ""]) => name)
          .filter((name) => !name.startsWith("node:") && name !== "bun")
          .map(
            (name) =>
              `${path} imports ${name}: sdk/ has no dependencies. Write what it needs in sdk/`,
          ),
      );

    expect(violations).toEqual([]);
  });
});

describe("style", () => {
  test("a file holds one concept: its length is bounded", async () => {
    const tooLong = (await readSources()).flatMap(({ path, text }) => {
      const lines = text.split("\n").length - 1;
      const linesMax = /\.test\.tsx?$|^test\//.test(path) ? testLinesMax : sourceLinesMax;
      // Data in the shape of code: a row per error.
      if (lines <= linesMax) return [];
      return [
        `${path} has ${lines} lines, at most ${linesMax}: it is two concepts; give each a file`,
      ];
    });

    expect(tooLong).toEqual([]);
  });

  test("no file or folder is named after nothing", async () => {
    const badNames = (await readSources()).flatMap(({ path }) => {
      const word = path
        .split("/")
        .find((part) => FORBIDDEN_NAMES.includes(part.replace(/\..*$/, "")));
      return word === undefined
        ? []
        : [`${path}: "${word}" says nothing. Name it after the concept it holds`];
    });

    expect(badNames).toEqual([]);
  });

  test("what a file exports, another one uses", async () => {
    const sources = (await readSources()).map(({ path, text }) => ({
      path,
      text,
      words: text.match(/[A-Za-z_$][\w$]*/g) ?? [],
    }));
    const filesWith = new Map<string, number>();
    for (const { words } of sources) {
      for (const word of new Set(words)) filesWith.set(word, (filesWith.get(word) ?? 0) + 1);
    }

    const unused = sources.flatMap(({ path, text, words }) => {
      if (!path.startsWith("src/")) return [];
      const exported = text.matchAll(
        /^export (?:async )?(const|let|function\*?|class|interface|type) ([A-Za-z_$][\w$]*)/gm,
      );
      return [...exported].flatMap(([, kind = "", name = ""]) => {
        if (filesWith.get(name)! > 1) return [];
        // A type may be exported for the signature of what is.
        const isType = kind === "interface" || kind === "type";
        if (isType && words.filter((word) => word === name).length > 1) return [];
        return [`${path}: no other file uses ${name}. Do not export it, or remove it`];
      });
    });

    expect(unused).toEqual([]);
  });

  test("source files are named in kebab-case", async () => {
    const badNames = (await readSources()).flatMap(({ path }) => {
      if (!path.startsWith("src/") && !path.startsWith("sdk/")) return [];
      const name = path.slice(path.lastIndexOf("/") + 1);
      return /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.tsx?$/.test(name)
        ? []
        : [`${path}: use kebab-case.ts`];
    });

    expect(badNames).toEqual([]);
  });

  test("every source file in src/ opens with a comment that says what it is for", async () => {
    const bare = (await readSources())
      .filter(({ path }) => path.startsWith("src/") && !path.endsWith(".test.ts"))
      .filter(({ text }) => !/^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(text))
      .map(({ path }) => `${path}: add a header comment that says what it is for`);

    // A file of one documented declaration says it there.
    const undocumented = [];
    for (const line of bare) {
      const text = await Bun.file(join(ROOT, line.slice(0, line.indexOf(":")))).text();
      if (!/^(import[^;]*;\s*)*\/\*\*/.test(text)) undocumented.push(line);
    }
    expect(undocumented).toEqual([]);
  });
});
