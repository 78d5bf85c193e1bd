/**
 * Goal: code that runs at a deploy, before there is an app, reaches its own project only. Method: hostile builds and
 * configuration files, sent to a real node of root and to one of an ordinary user while a neighbour is visited.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdminClient } from "../../src/cli/admin-client.ts";
import { packSource } from "../../src/deploy/pack.ts";
import { type Arena, endDaemon, nobody, openArena, whatBlocks } from "./arena.ts";
import type { Report } from "./attack.ts";
import { settle } from "./attacks.ts";
import { type BuildTarget, reportIn, targetFile } from "./build-attack.ts";
import { type BuildAttack, buildAttacks } from "./rows/deploys.ts";
import { visitDuring } from "./visitor.ts";

const timeoutMs = 60_000;

const modes = await Promise.all(
  (["root", "user"] as const).map(async (mode) => [mode, await whatBlocks(mode)] as const),
);

describe.each(modes)("a deploy to a node of %s", (mode, blocked) => {
  if (blocked !== null) {
    test.skip(`${buildAttacks.length} attacks: ${blocked}`, () => {});
    return;
  }
  let arena: Arena;
  let other: BuildTarget["otherBuild"];
  let admin: AdminClient;

  beforeAll(async () => {
    arena = await openArena(mode, []);
    admin = new AdminClient({ dataDir: arena.node.dataDir });
    other = otherBuildIn(arena.node.dataDir, mode === "user" && process.getuid?.() === 0);
  }, timeoutMs);

  afterAll(async () => {
    await arena?.[Symbol.asyncDispose]();
  }, timeoutMs);

  /** Deploys a project with the script in it. */
  async function attack({ name, as }: BuildAttack): Promise<Report | null> {
    const folder = mkdtempSync(join(tmpdir(), "levain-build-attack-"));
    try {
      const target: BuildTarget = { ...(await arena.target()), otherBuild: other };
      const script = await scriptOf(name);
      const configFile = as === "config" ? "levain.config.ts" : "levain.config.json";
      const files = {
        "index.ts": "export default { fetch: () => new Response() };",
        [targetFile]: JSON.stringify(target),
        "attack.js": script,
        [configFile]: as === "config" ? script : JSON.stringify({ build: "bun attack.js" }),
      };
      for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
      return reportIn(await deploy(name, folder));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Lines that were printed meanwhile. */
  async function deploy(app: string, folder: string): Promise<string[]> {
    const printed: string[] = [];
    const { stream } = await packSource(folder);
    for await (const event of admin.stream("deploy", {
      query: { app, folder: app },
      body: stream,
    })) {
      if (event.type === "output") printed.push(event.line);
      if (event.type === "failed") throw new Error(`${JSON.stringify(event.error)} ${printed}`);
    }
    return printed;
  }

  test.each(buildAttacks.map((attack) => [attack.name, attack] as const))(
    "%s gets what it may",
    async (_name, one) => {
      const { dataDir, pid } = arena.node;
      const { victim } = await arena.target();
      const untouched = () => ({
        token: stateOf(join(dataDir, "admin-token")),
        package: readFileSync(join(other.packages, "index.js"), "utf8"),
        project: readdirSync(other.project).join(),
        planted: existsSync(join(dataDir, "planted.json")),
        runtime: stateOf(process.execPath),
      });
      const before = untouched();

      const [visit, report] = await visitDuring(arena.node, "neighbour", () => attack(one));

      if (report !== null) await endDaemon(report, "it ended with the build");
      const wanted = { ...one.gets, ...(mode === "user" ? one.asUser : {}) };
      expect(settle(report ?? {}, wanted)).toEqual(wanted);
      expect(untouched()).toEqual(before);
      expect(visit.failures).toEqual([]);
      expect(arena.node.pid).toBe(pid);
      expect((await arena.target()).victim.pid).toBe(victim.pid);
    },
    timeoutMs,
  );
});

/** What a build of another app has while it runs, laid out as the node does; file modes are in nobody's way. */
function otherBuildIn(dataDir: string, isNobodys: boolean): BuildTarget["otherBuild"] {
  const project = join(dataDir, "builds/other/app");
  const packages = join(dataDir, "builds/.cache/other/package");
  for (const folder of [project, packages]) mkdirSync(folder, { recursive: true });
  const files = [join(project, "index.ts"), join(packages, "index.js")];
  for (const path of files) writeFileSync(path, "other");
  const folders = [project, packages].flatMap((path) => [path, join(path, "..")]);
  for (const path of [...files, ...folders, join(dataDir, "builds/.cache")]) {
    if (isNobodys) chownSync(path, nobody.uid, nobody.gid);
  }
  return { project, packages };
}

/** The script with what it imports, in one file. */
async function scriptOf(name: string): Promise<string> {
  const entrypoints = [join(import.meta.dir, "builds", `${name}.ts`)];
  const built = await Bun.build({ entrypoints, target: "bun" });
  return await built.outputs[0]!.text();
}

function stateOf(path: string): string {
  const { mode, uid, size, mtimeMs } = lstatSync(path);
  return [mode.toString(8), uid, size, mtimeMs].join(" ");
}
