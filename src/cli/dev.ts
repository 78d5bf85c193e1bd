/** `levain dev`: serves a project as a deploy would, and again with every save. */
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { readManifest } from "../deploy/project-files.ts";
import { type DevServer, findDevServer } from "../dev/dev-server.ts";
import { appOfFolder } from "./app-argument.ts";
import { devScreen } from "./dev-screen.ts";
import { usageError } from "./failure.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

export const dev: Verb = {
  name: "dev",
  group: "Develop",
  summary: "Serve a project while you work on it",
  description:
    "The request lane of a node with this one app: the same bundle, sandbox, limits and HTTP as after " +
    "a deploy, at http://<app>.localhost:<port>. It needs no node; an app with " +
    "`database` gets one of its own, which stays from one run to the next. Every save " +
    "is served by a new process within a tenth of a second: what the app had in memory is lost, and " +
    "open streams and WebSockets end and have to connect again. What cannot be served is shown with its place here and in " +
    "the page. The environment is that of levain.config.ts and of .env and .env.local, " +
    "which win; NODE_ENV is development. A framework with a development server of its own, such as Vite or Next.js, is " +
    "started as its `dev` script says, outside of the sandbox. docs/dev.md says what differs from a deploy.",
  arguments: [["[dir]", "folder of the project (default: the current one)"]],
  flags: [
    ["--port <port>", "port to serve on (default: 3000, or one of the next nine; 0: any)"],
    ["--host <address>", "address of the port (default: 127.0.0.1)"],
    ["--app <name>", "name of the app (default: config, package.json, folder)"],
    ["--lane", "serve it by the lane, also when its framework has its own server"],
  ],
  exits: [
    [0, "done: Ctrl-C ended it"],
    [130, "ended by a second Ctrl-C"],
  ],
  environment: [["LEVAIN_DEV_PORT", "as --port"]],
  examples: [
    ["levain dev", "the folder you are in"],
    ["levain dev ./shop --port 8080", "another one, on a port of your choice"],
    ["levain dev --json", "for a program: one JSON object a line"],
  ],
  async run(call) {
    const folder = resolve(call.io.cwd, call.args[0] ?? ".");
    const info = await stat(folder).catch(() => null);
    if (info?.isDirectory() !== true) throw usageError(`there is no folder ${folder}`);
    const port = portOf(call);
    const server = findDevServer((await readManifest(folder)).scripts);
    using stop = stopSignals(call);
    if (server !== null && call.flags.lane !== true) {
      return runOwn(server, folder, port, stop.signal, call);
    }
    const { app, host } = call.flags;
    await call.runDev(
      {
        folder,
        app: typeof app === "string" ? app : await appOfFolder(folder),
        port,
        hostname: typeof host === "string" ? host : "127.0.0.1",
        dataDir: call.dataDir,
        signal: stop.signal,
      },
      devScreen(call),
    );
    return { data: null, isPrinted: true };
  },
};

async function runOwn(
  { tool, takesPort }: DevServer,
  folder: string,
  port: number | null,
  signal: AbortSignal,
  call: Call,
): Promise<Outcome> {
  if (call.isJson) throw usageError(`--json needs --lane here: the dev script runs ${tool}`);
  const { stderr } = call.io;
  stderr.write(`${tool} serves this project while you work on it: bun run dev\n`);
  const { runDevServer } = await import("../dev/run-dev-server.ts");
  const mark = join(call.dataDir, "dev", String(process.pid));
  const code = await runDevServer({ folder, mark, port, takesPort, signal });
  if (code !== null && code !== 0) throw new PlatformError("DEV_SERVER_ENDED", [tool, code]);
  return { data: null, isPrinted: true };
}

function portOf({ flags, io }: Call): number | null {
  const given = typeof flags.port === "string" ? flags.port : io.env.LEVAIN_DEV_PORT;
  if (given === undefined || given === "") return null;
  const port = Number(given);
  if (/^\d+$/.test(given) && port <= 65_535) return port;
  throw usageError(`"${given}" is no port: give a number from 0 to 65535`);
}

/** Ctrl-C, and what asks a process to end in other ways. */
function stopSignals({ io }: Call): { signal: AbortSignal } & Disposable {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const name of ["SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  const signals = [stop.signal, io.interrupt(), io.stdout.closed];
  return {
    signal: AbortSignal.any(signals),
    [Symbol.dispose]() {
      for (const name of ["SIGTERM", "SIGHUP"] as const) process.off(name, onSignal);
    },
  };
}
