/** Goal: a node is started and stopped as asked. Method: real processes; the node serves the admin API from memory. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cli, spawnCli } from "./cli-process-for-tests.ts";
import { waitForEnd } from "./process-end.ts";

const folders: string[] = [];
const pids: number[] = [];

afterEach(() => {
  for (const pid of pids.splice(0)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended, as it should.
    }
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newDataDir(): string {
  const folder = mkdtempSync(join(tmpdir(), "levain-up-"));
  folders.push(folder);
  return folder;
}

test("up --detach returns when the node serves, down when it is gone", async () => {
  const dataDir = newDataDir();
  const at = ["--data-dir", dataDir, "--json"];

  const up = await cli(["up", "--detach", "--port", "0", ...at], { env: { TEST_NODE: "slow" } });
  const started = JSON.parse(up.stdout);
  pids.push(started.data.pid);
  const status = JSON.parse((await cli(["status", ...at])).stdout);
  const session = readFileSync(`/proc/${started.data.pid}/stat`, "utf8").split(" ")[5];
  const stopped = JSON.parse((await cli(["down", ...at])).stdout);

  expect(started).toMatchObject({ ok: true, command: "up", data: { isDetached: true } });
  expect(started.data.log).toBe(join(dataDir, "node.log"));
  expect(status.data.pid).toBe(started.data.pid);
  expect(session).toBe(String(started.data.pid));
  expect(stopped.data.pid).toBe(started.data.pid);
  expect(await waitForEnd(started.data.pid, 0)).toBe(true);
  expect((await cli(["down", ...at])).code).toBe(1);
  expect(readFileSync(join(dataDir, "node.log"), "utf8")).toContain("is running");
});

test("up in the foreground says when it serves and ends with 0 at Ctrl-C", async () => {
  const dataDir = newDataDir();
  const child = spawnCli(["up", "--port", "0", "--data-dir", dataDir, "--json"]);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();

  child.kill("SIGINT");

  expect(JSON.parse(new TextDecoder().decode(value))).toMatchObject({
    ok: true,
    data: { isDetached: false, log: null, pid: child.pid },
  });
  expect(await child.exited).toBe(0);
  expect((await reader.read()).done).toBe(true);
});

test("a node that cannot start says why in the foreground and in the background", async () => {
  const env = { TEST_NODE: "throw" };
  for (const words of [["up"], ["up", "--detach"]]) {
    const run = await cli([...words, "--data-dir", newDataDir(), "--json"], { env });

    expect(JSON.parse(run.stdout), words.join(" ")).toMatchObject({
      ok: false,
      command: "up",
      error: { code: "PORT_IN_USE", cause: "taken by process 1" },
    });
    expect(run.code).toBe(1);
  }
});

test("a node in the background that ends without a word is shown by its last lines", async () => {
  const dataDir = newDataDir();
  writeFileSync(join(dataDir, "node.log"), "from an earlier start\n");

  const run = await cli(["up", "--detach", "--data-dir", dataDir], { env: { TEST_NODE: "exit" } });

  expect(run.stderr).toContain("✘ NODE_ENDED  ");
  expect(run.stderr).toContain("(exit 7)");
  expect(run.stderr).toContain("    something terrible\n    happened\n");
  expect(run.stderr).not.toContain("earlier");
  expect(run.code).toBe(1);
});

test("a mistake of ours is INTERNAL with its cause, and its place in the text", async () => {
  const env = { TEST_NODE: "invariant" };
  const text = await cli(["up", "--data-dir", newDataDir()], { env });
  const json = await cli(["up", "--data-dir", newDataDir(), "--json"], { env });

  expect(text.stderr).toContain("✘ INTERNAL  ");
  expect(text.stderr).toContain("undefined is not a function");
  expect(text.stderr).toContain("cli-for-tests.ts:");
  expect(JSON.parse(json.stdout).error).toMatchObject({
    code: "INTERNAL",
    cause: "undefined is not a function",
  });
});

test("a wrong setting is said before anything is started or made", async () => {
  const dataDir = join(newDataDir(), "data");

  const run = await cli(["up", "--detach", "--data-dir", dataDir, "--port", "many", "--json"]);

  const { error } = JSON.parse(run.stdout);
  expect(error.code).toBe("NODE_CONFIG_INVALID");
  expect(error.message).toContain("--port");
  expect(() => readFileSync(join(dataDir, "node.log"))).toThrow();
});

test("a node that does not answer but holds the directory is not taken for none, and down waits for it", async () => {
  const dataDir = newDataDir();
  // Holds the lock for a moment, as a node that drains does after its admin API has ended.
  const script = `import { acquireNodeLock } from ${JSON.stringify(join(import.meta.dir, "../control/node-lock.ts"))};
    await acquireNodeLock(${JSON.stringify(dataDir)}); console.log("held"); process.stdin.on("data", () => process.exit());`;
  const holder = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe" });
  pids.push(holder.pid);
  for await (const _ of holder.stdout) break;

  const status = JSON.parse((await cli(["status", "--json", "--data-dir", dataDir])).stdout);
  const down = cli(["down", "--json", "--data-dir", dataDir]);
  holder.stdin.write("end\n");
  await holder.stdin.end();

  expect(status.error).toMatchObject({ code: "NODE_NOT_ANSWERING", detail: { pid: holder.pid } });
  const { ok, data, error } = JSON.parse((await down).stdout);
  // It may have been quicker than the first question.
  if (ok) expect(data.pid).toBe(holder.pid);
  else expect(error.code).toBe("NODE_NOT_RUNNING");
});

test("the port of a broker is a setting like the others, by its flag", async () => {
  const words = ["up", "--broker-port", "70000", "--data-dir", newDataDir(), "--json"];

  const { error } = JSON.parse((await cli(words)).stdout);

  expect(error.message).toContain("--broker-port: broker.port is 70000, at most 65535 is allowed");
});
