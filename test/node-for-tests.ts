/**
 * A whole node as a process of its own, with its own data directory, PostgreSQL and free ports; and the command line
 * against it. For tests of what users do.
 */
import { chownSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const mainPath = join(import.meta.dir, "..", "src", "main.ts");

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
  /** The object that `--json` prints. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into what the schemas are checked for elsewhere
  json: any;
}

export interface TestNode extends AsyncDisposable {
  dataDir: string;
  /** Of the running process; changes with `restart`. */
  readonly pid: number;
  readonly port: number;
  readonly adminPort: number;
  /** Runs the command line with `--json`. */
  cli(args: readonly string[], options?: { cwd?: string }): Promise<CliResult>;
  /** Asks an app through the edge. */
  fetch(host: string, path: string, init?: RequestInit): Promise<Response>;
  /** Ends the process at once, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same data directory and port. */
  start(): Promise<void>;
  /** SIGTERM, and waits. Returns the exit code. */
  stop(): Promise<number>;
  /** What the node printed. */
  output(): string;
}

/** How long a node may take to be ready on a busy machine. Milliseconds. */
const readyTimeoutMs = 60_000;

export interface TestNodeOptions {
  /** One that is there, such as a restored one. Default: a new one. */
  dataDir?: string;
  flags?: string[];
  /** Who runs the node and the command line; only root can choose. Default: who runs the tests. */
  user?: { uid: number; gid: number };
}

export async function startTestNode(options: TestNodeOptions = {}): Promise<TestNode> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "levain-node-"));
  const { user } = options;
  if (user !== undefined) chownSync(dataDir, user.uid, user.gid);
  let child: Bun.Subprocess | null = null;
  let ports = { port: 0, adminPort: 0 };
  let output = "";

  const start = async () => {
    const started = Bun.spawn(
      [
        process.execPath,
        mainPath,
        "up",
        "--data-dir",
        dataDir,
        "--port",
        String(ports.port),
        "--admin-port",
        String(ports.adminPort),
        "--database-port",
        "0",
        ...(options.flags ?? []),
      ],
      { stdio: ["ignore", "pipe", "pipe"], cwd: tmpdir(), env: plainEnvironment(), ...user },
    );
    child = started;
    for (const stream of [started.stdout, started.stderr]) void collect(stream);
    const deadline = performance.now() + readyTimeoutMs;
    while (performance.now() < deadline) {
      if (started.exitCode !== null) throw new Error(`The node ended: ${output}`);
      const file = readNodeFile(dataDir);
      if (file?.pid === started.pid) {
        const { json } = await cli(["status"]);
        if (json?.ok === true && json.data.store.state === "ready") {
          ports = { port: file.port, adminPort: file.adminPort };
          return;
        }
      }
      await Bun.sleep(20);
    }
    throw new Error(`The node was not ready within ${readyTimeoutMs} ms: ${output}`);
  };
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) output += decoder.decode(chunk, { stream: true });
  };
  const cli = async (
    args: readonly string[],
    { cwd = tmpdir() }: { cwd?: string } = {},
  ): Promise<CliResult> => {
    const run = Bun.spawn([process.execPath, mainPath, ...args, "--json", "--data-dir", dataDir], {
      stdio: ["ignore", "pipe", "pipe"],
      cwd,
      env: plainEnvironment(),
      ...user,
    });
    const [stdout, stderr, code] = await Promise.all([
      new Response(run.stdout).text(),
      new Response(run.stderr).text(),
      run.exited,
    ]);
    return { code, stdout, stderr, json: parse(stdout) };
  };
  const stop = async () => {
    if (child === null) return 0;
    child.kill("SIGTERM");
    return await child.exited;
  };
  const node: TestNode = {
    dataDir,
    get pid() {
      return child!.pid;
    },
    get port() {
      return ports.port;
    },
    get adminPort() {
      return ports.adminPort;
    },
    cli,
    fetch(host, path, init = {}) {
      const headers = new Headers(init.headers);
      headers.set("host", `${host}.localhost:${ports.port}`);
      return fetch(`http://127.0.0.1:${ports.port}${path}`, { ...init, headers });
    },
    async kill() {
      child!.kill("SIGKILL");
      await child!.exited;
    },
    start,
    stop,
    output: () => output,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  try {
    await start();
  } catch (error) {
    await node[Symbol.asyncDispose]();
    throw error;
  }
  return node;
}

/** The environment of the tests without settings of a node that the developer may have, and as outside of CI. */
function plainEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && entry[0] !== "CI" && !entry[0].startsWith("LEVAIN_"),
    ),
  );
}

function readNodeFile(dataDir: string): { pid: number; port: number; adminPort: number } | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, "node.json"), "utf8"));
  } catch {
    return null;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
