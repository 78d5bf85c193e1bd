/**
 * Goal: where a request goes and how it is treated is decided in memory, and a deploy changes it at once. Method: a whole
 * node is watched by strace, all of its threads, while it serves; every call that names or reads a file is counted.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { traceMissing } from "../bench/syscalls.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const missing = await traceMissing();
if (missing !== null) console.log(`accesses to files are not counted: ${missing}`);

const requests = 2000;
/** How long strace may take to attach. Milliseconds. */
const attachTimeoutMs = 10_000;

/** Calls that name a file, and those that read or write one; `-y` shows what a descriptor leads to. */
const traced = "trace=%file,read,pread64,readv,write,pwrite64,writev,getdents64,fsync,fdatasync";

/** Files that the processes touch from now on; `stop` gives a line for each call. */
async function watchFiles(pids: readonly number[]) {
  const file = join(mkdtempSync(join(tmpdir(), "levain-trace-")), "trace");
  const child = Bun.spawn(
    [
      "strace",
      "-f",
      "-y",
      "-s",
      "0",
      "-e",
      traced,
      "-o",
      file,
      ...pids.flatMap((pid) => ["-p", `${pid}`]),
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const timer = setTimeout(() => child.kill("SIGINT"), attachTimeoutMs);
  let said = "";
  for await (const chunk of child.stderr.values({ preventCancel: true })) {
    said += Buffer.from(chunk).toString();
    if (pids.every((pid) => said.includes(`Process ${pid} attached`))) break;
  }
  clearTimeout(timer);
  return {
    async stop(): Promise<string[]> {
      child.kill("SIGINT");
      await child.exited;
      const lines = (await Bun.file(file).text()).split("\n");
      rmSync(join(file, ".."), { recursive: true });
      return lines.filter(isOfFile);
    },
  };
}

/** Sockets, pipes and timers are no files; what the kernel makes up in /proc is on no disk. */
function isOfFile(line: string): boolean {
  // Where relative names would start from is no access.
  const path = /[<"](\/[^>"]*)[>"]/.exec(line.replace(/AT_FDCWD<[^>]*>/g, ""))?.[1];
  return path !== undefined && !/^\/(proc|sys|dev)\//.test(path);
}

/** A project whose app answers with this. */
function writeApp(folder: string, says: string): void {
  writeFileSync(
    join(folder, "index.ts"),
    `export default { fetch: () => new Response("${says}") };\n`,
  );
}

async function deploy(node: TestNode, folder: string, says: string): Promise<void> {
  writeApp(folder, says);
  const { code, stdout } = await node.cli(["deploy", folder]);
  if (code !== 0) throw new Error(stdout);
}

async function said(node: TestNode): Promise<string> {
  return await (await node.fetch("plain", "/")).text();
}

/** The app's own process. */
async function appPid(node: TestNode): Promise<number> {
  const { json } = await node.cli(["ps"]);
  return json.data.instances[0].pid;
}

test.skipIf(missing !== null)(
  "2,000 warm requests touch no file but the request log, in batches, and a deploy is what the next request sees",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "levain-plain-"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "plain" }));
    await using node = await startTestNode();
    await deploy(node, folder, "first");
    for (let warm = 0; warm < 200; warm++) expect(await said(node)).toBe("first");

    const watch = await watchFiles([node.pid, await appPid(node)]);
    for (let asked = 0; asked < requests; asked += 20) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => said(node)));
      expect(new Set(answers)).toEqual(new Set(["first"]));
    }
    const touched = await watch.stop();

    // How full the disk is, the node looks up now and then, whatever is asked.
    const looks = touched.filter((line) => line.includes("statfs("));
    expect(looks.length).toBeLessThan(requests / 100);
    const others = touched.filter((line) => !looks.includes(line));
    expect(others.filter((line) => !line.includes("/requests/plain"))).toEqual([]);
    expect(touched.length).toBeLessThan(requests / 4);
    const { stdout } = await node.cli(["logs", "plain", "--requests", "--grep", "GET / 200"]);
    expect(stdout.trimEnd().split("\n").length).toBeGreaterThan(500);
    const watchDeploy = await watchFiles([node.pid]);
    await deploy(node, folder, "second");
    expect(await said(node)).toBe("second");
    // That there was something to see, when there was.
    expect((await watchDeploy.stop()).join("\n")).toContain("route-table.json");
    const { code } = await node.cli(["rollback", "plain"]);
    expect([code, await said(node)]).toEqual([0, "first"]);
    rmSync(folder, { recursive: true });
  },
  120_000,
);

test.skipIf(missing !== null)(
  "2,000 requests for files that were asked for before touch none of them",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "levain-plain-"));
    writeFileSync(join(folder, "index.html"), "<p>page".repeat(500));
    await using node = await startTestNode();
    const { code, stdout } = await node.cli(["deploy", folder, "--app", "plain"]);
    if (code !== 0) throw new Error(stdout);
    const ask = async (init: RequestInit = {}) => {
      const response = await node.fetch("plain", "/", init);
      await response.bytes();
      return response;
    };
    const etag = (await ask()).headers.get("etag")!;

    const watch = await watchFiles([node.pid]);
    for (let asked = 0; asked < requests; asked += 2) {
      expect((await ask()).status).toBe(200);
      expect((await ask({ headers: { "if-none-match": etag } })).status).toBe(304);
    }
    const touched = await watch.stop();

    // The folder of artifacts is looked through after a deploy, whatever is asked.
    expect(touched.filter((line) => line.includes("/files/"))).toEqual([]);
    expect(touched.length).toBeLessThan(requests / 4);
    rmSync(folder, { recursive: true });
  },
  120_000,
);
