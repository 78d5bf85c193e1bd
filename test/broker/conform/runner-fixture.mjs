/**
 * Runners and a supervisor as they are in people's images: the published `WarmStartClient`, called as the controller
 * calls it, and a dispatch sent as the supervisor sends it. Plain JavaScript, since it runs under Node 20 and 24 as well as
 * under Bun. A command is one line of JSON on stdin, an event one on stdout.
 *
 *   session: /connect ─▶ poll ─▶ message ─▶ /connect …      until `rounds` messages came
 *               │          └─ null, a crash, or aborted ─▶ end
 *               └─ not successful, or a 0 ─▶ end
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";

// The clients' own log would stand among the events.
for (const level of ["log", "debug", "info", "warn", "error"]) console[level] = () => {};

const packages = new URL("../../../node_modules/", import.meta.url);
const clientPath = "dist/esm/v3/workers/warmStartClient.js";
const clients = {
  "4.8.3": () => import(new URL(`@trigger.dev/core/${clientPath}`, packages).href),
  "4.0.4": () => import(new URL(`trigger-core-autumn/${clientPath}`, packages).href),
};

/** What the current session has fetched. */
const sessions = new AsyncLocalStorage();
const realFetch = globalThis.fetch;
globalThis.fetch = async (target, init) => {
  const session = sessions.getStore();
  if (session === undefined) return await realFetch(target, init);
  session.fetches += 1;
  if (session.tellsFetches) write({ id: session.id, event: "fetch" });
  const response = await realFetch(target, init);
  // A second reader of the same bytes: what the client makes of them is its own affair.
  if (session.keepsBytes && response.ok) session.text = response.clone().text();
  return response;
};

const write = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const running = new Map();

async function runSession(command, state) {
  const { id, url, version, rounds = 1 } = command;
  const { WarmStartClient } = await clients[version]();
  const client = new WarmStartClient({
    apiUrl: new URL(url),
    controllerId: command.controller,
    deploymentId: command.deployment,
    deploymentVersion: command.deploymentVersion,
    machineCpu: command.cpu,
    machineMemory: command.memory,
  });
  state.client = client;
  for (let round = 0; round < rounds; round += 1) {
    let { connectionTimeoutMs, keepaliveMs } = command;
    if (!command.skipsConnect) {
      const answer = await client.connect();
      write({ id, event: "connect", answer });
      if (!answer.success) return "not connected";
      connectionTimeoutMs ??= answer.data.connectionTimeoutMs ?? 30_000;
      keepaliveMs ??= answer.data.keepaliveMs ?? 300_000;
      // The controller's own test: either being 0 means that there are no warm starts.
      if (!connectionTimeoutMs || !keepaliveMs) return "switched off";
    }
    write({ id, event: "poll" });
    const workerInstanceName = command.instance;
    const message = await client.warmStart({
      workerInstanceName,
      connectionTimeoutMs,
      keepaliveMs,
    });
    if (message === null) return "null";
    const text = state.keepsBytes ? await state.text : "";
    write({
      id,
      event: "message",
      run: message.run.friendlyId,
      snapshot: message.snapshot.friendlyId,
      sha256: createHash("sha256").update(text).digest("hex"),
      length: Buffer.byteLength(text),
      fetches: state.fetches,
    });
    // A controller that is at work asks nothing of the broker.
    if (command.worksMs > 0) await new Promise((resolve) => setTimeout(resolve, command.worksMs));
  }
  return "done";
}

/** How the controller's process would end. */
const EXITS = { null: 0, "not connected": 0, "switched off": 0, done: 0, crashed: 1 };

async function session(command) {
  const { id } = command;
  const { tellsFetches = false, keepsBytes = false } = command;
  const state = { id, tellsFetches, fetches: 0, keepsBytes, text: "", client: null };
  running.set(id, state);
  let how;
  let error = "";
  try {
    how = await sessions.run(state, () => runSession(command, state));
  } catch (caught) {
    how = "crashed";
    error = caught?.name ?? "";
  }
  running.delete(id);
  const end = { id, event: "end", how, error, exitCode: EXITS[how], fetches: state.fetches };
  if (command.exits)
    process.stdout.write(`${JSON.stringify(end)}\n`, () => process.exit(EXITS[how]));
  else write(end);
}

/** As the supervisor's `tryWarmStart`: anything but a 2xx with the boolean counts as false. */
async function dispatch({ id, url, body, headers, timeoutMs }) {
  const begunMs = performance.now();
  let status = 0;
  let text = "";
  try {
    const response = await realFetch(new URL("/warm-start", url).href, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body,
      // The supervisor has no timeout; a test that gives up on it does.
      ...(timeoutMs > 0 ? { signal: AbortSignal.timeout(timeoutMs) } : {}),
    });
    status = response.status;
    text = await response.text();
  } catch {}
  let didWarmStart = false;
  try {
    didWarmStart = status >= 200 && status < 300 && JSON.parse(text).didWarmStart === true;
  } catch {}
  write({
    id,
    event: "dispatched",
    didWarmStart,
    status,
    text,
    tookMs: performance.now() - begunMs,
  });
}

const OPERATIONS = {
  session: (command) => void session(command),
  dispatch: (command) => void dispatch(command),
  abort: ({ id }) => running.get(id)?.client?.abort?.(),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const command = JSON.parse(line);
  OPERATIONS[command.operation](command);
});
process.stdin.on("end", () => process.exit(0));
write({ event: "ready", runtime: process.versions.bun ?? process.versions.node });
