/**
 * Goal: nothing that a process of the machine may read holds a secret of the node. Method: a whole node with an edge in a
 * process of its own and an app; the command lines and environments of all of its processes, its files and its words are
 * searched.
 */
import { expect, test } from "bun:test";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode } from "./node-for-tests.ts";

const mainPath = join(import.meta.dir, "..", "src", "main.ts");

function folder(files: Record<string, string> = {}): string {
  const path = mkdtempSync(join(tmpdir(), "levain-secrets-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

/** A process and all that came from it. */
function familyOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
    const stat = read(`/proc/${name}/stat`);
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const family = [pid];
  for (const member of family) {
    for (const [child, parent] of parents) if (parent === member) family.push(child);
  }
  return family;
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // The process has ended, or it is closed to us, which is what is wanted.
    return "";
  }
}

/** Where a text is found, in what processes and files show. */
function findings(secret: string, pids: readonly number[], dir: string): string[] {
  const processes = pids.flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`]);
  const files = readdirSync(dir, { recursive: true, encoding: "utf8" })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
  return [...processes, ...files].filter((path) => read(path).includes(secret));
}

test("the node's secrets are in their files and nowhere else", async () => {
  await using node = await startTestNode({ flags: ["--edges", "2"] });
  const project = folder({
    "index.ts": "export default { fetch: () => Response.json(process.env) };",
  });
  expect((await node.cli(["deploy", project, "--app", "looks"])).code).toBe(0);
  const seen = await (await node.fetch("looks", "/")).text();
  const token = read(join(node.dataDir, "admin-token")).trim();
  const password = read(join(node.dataDir, "postgres/password")).trim();
  const pids = familyOf(node.pid);

  // The node, two edges, PostgreSQL and its own, the app.
  expect(pids.length).toBeGreaterThan(8);
  expect(findings(token, pids, node.dataDir)).toEqual([join(node.dataDir, "admin-token")]);
  expect(findings(password, pids, node.dataDir)).toEqual([join(node.dataDir, "postgres/password")]);
  for (const secret of [token, password]) {
    expect(node.output()).not.toContain(secret);
    expect(seen).not.toContain(secret);
  }
  rmSync(project, { recursive: true });

  // What somebody has opened meanwhile, the next start closes.
  await node.stop();
  chmodSync(join(node.dataDir, "logs"), 0o755);
  await node.start();
  expect(statSync(join(node.dataDir, "logs")).mode & 0o777).toBe(0o700);
  expect(node.output()).toContain("logs was open to other users (mode 755)");
}, 60_000);

const masterKey = "5e5a".repeat(16);
const databaseUrl = "postgres://levain:open-sesame@127.0.0.1:1/levain";

test.each([
  ["the password of a database", "a flag", ["--database-url", databaseUrl], {}, "sesame"],
  ["the password of a database", "a variable", [], { LEVAIN_DATABASE_URL: databaseUrl }, "sesame"],
  [
    "the password of a database",
    "a flag of a detached node",
    ["--detach", "--database-url", databaseUrl],
    {},
    "sesame",
  ],
  ["a master key", "a variable", ["--detach"], { LEVAIN_MASTER_KEY: masterKey }, masterKey],
] as const)(
  "%s that is given as %s is seen nowhere",
  async (_what, _how, flags, variables, secret) => {
    const dataDir = folder();
    const environment = { PATH: process.env["PATH"] ?? "", HOME: dataDir, ...variables };
    const words = ["up", "--port", "0", "--admin-port", "0", "--edges", "2", "--data-dir", dataDir];
    const up = Bun.spawn([process.execPath, mainPath, ...words, ...flags], {
      env: environment,
      cwd: dataDir,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const collect = async (stream: ReadableStream<Uint8Array>) => {
      for await (const chunk of stream) output += new TextDecoder().decode(chunk);
    };
    void collect(up.stdout);
    void collect(up.stderr);

    const deadline = performance.now() + 30_000;
    let pid = 0;
    while (pid === 0 && performance.now() < deadline) {
      pid = Number(/"pid": (\d+)/.exec(read(join(dataDir, "node.json")))?.[1] ?? 0);
      await Bun.sleep(20);
    }
    try {
      expect(pid, output).toBeGreaterThan(0);
      expect(findings(secret, familyOf(pid), dataDir)).toEqual([]);
      expect(output).not.toContain(secret);
    } finally {
      process.kill(pid, "SIGTERM");
      await up.exited;
      while (read(`/proc/${pid}/stat`) !== "" && performance.now() < deadline) await Bun.sleep(20);
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
  60_000,
);
