/**
 * A warm-start broker on Node as "We replaced Node.js with Bun" (trigger.dev, March 2026) describes the one it began
 * with: each request checked with zod, headers copied with `Object.fromEntries`, and connections either in an in-memory
 * SQLite that is asked the query of that article, or in a map by the four fields. A reconstruction: the rest of it was
 * never published.
 *
 *   node bench/peers/node-broker.ts sqlite|map        Node 24, which runs TypeScript as it is
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { DequeuedMessage } from "@trigger.dev/core/v3";
import { z } from "zod";

/** Where idle runners are found by their metadata. */
interface ConnectionStore {
  add(id: string, metadata: Metadata): void;
  remove(id: string): void;
  /** Some connection that has all of these. */
  find(metadata: Metadata): string | null;
}

type Metadata = Readonly<Record<string, string>>;

const PollHeaders = z.object({
  "x-trigger-workload-controller-id": z.string(),
  "x-trigger-deployment-id": z.string(),
  "x-trigger-deployment-version": z.string(),
  "x-trigger-machine-cpu": z.string(),
  "x-trigger-machine-memory": z.string(),
  "x-trigger-worker-instance-name": z.string().optional(),
});

const DispatchBody = z.object({ dequeuedMessage: DequeuedMessage });

/** Any metadata, flattened to pairs and indexed: what can be asked for is not known before. */
async function sqliteStore(): Promise<ConnectionStore> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(":memory:");
  database.exec(`
    CREATE TABLE connections (id TEXT PRIMARY KEY, metadata TEXT NOT NULL);
    CREATE TABLE metadata_index (connection_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL);
    CREATE INDEX metadata_index_key_value ON metadata_index (key, value);
    CREATE INDEX metadata_index_connection ON metadata_index (connection_id);
  `);
  const addConnection = database.prepare("INSERT INTO connections (id, metadata) VALUES (?, ?)");
  const addPair = database.prepare(
    "INSERT INTO metadata_index (connection_id, key, value) VALUES (?, ?, ?)",
  );
  const removeConnection = database.prepare("DELETE FROM connections WHERE id = ?");
  const removePairs = database.prepare("DELETE FROM metadata_index WHERE connection_id = ?");
  const fields = 4;
  const find = database.prepare(
    "SELECT DISTINCT c.id, c.metadata FROM connections c JOIN metadata_index mi ON c.id = mi.connection_id " +
      "WHERE c.id IN ( SELECT connection_id FROM metadata_index WHERE " +
      `${Array.from({ length: fields }, () => "(key = ? AND value = ?)").join(" OR ")} ` +
      "GROUP BY connection_id HAVING COUNT(DISTINCT key) = ?) LIMIT 1",
  );
  return {
    add(id, metadata) {
      addConnection.run(id, JSON.stringify(metadata));
      for (const [key, value] of flatten(metadata)) addPair.run(id, key, value);
    },
    remove(id) {
      removePairs.run(id);
      removeConnection.run(id);
    },
    find(metadata) {
      const row = find.get(...flatten(metadata).flat(), fields);
      return row === undefined ? null : String(row["id"]);
    },
  };
}

function flatten(metadata: object, prefix = ""): [string, string][] {
  return Object.entries(metadata).flatMap(([key, value]): [string, string][] =>
    typeof value === "object" && value !== null
      ? flatten(value, `${prefix}${key}.`)
      : [[`${prefix}${key}`, String(value)]],
  );
}

/** The four fields as one text. */
function mapStore(): ConnectionStore {
  const ids = new Map<string, Set<string>>();
  const keys = new Map<string, string>();
  const keyOf = (metadata: Metadata) => Object.values(metadata).join("\0");
  return {
    add(id, metadata) {
      const key = keyOf(metadata);
      const set = ids.get(key);
      if (set === undefined) ids.set(key, new Set([id]));
      else set.add(id);
      keys.set(id, key);
    },
    remove(id) {
      const key = keys.get(id) ?? "";
      const set = ids.get(key);
      set?.delete(id);
      if (set?.size === 0) ids.delete(key);
      keys.delete(id);
    },
    find(metadata) {
      for (const id of ids.get(keyOf(metadata)) ?? []) return id;
      return null;
    },
  };
}

const store = process.argv[2] === "map" ? mapStore() : await sqliteStore();
const held = new Map<string, ServerResponse>();
let nextId = 0;

function poll(request: IncomingMessage, response: ServerResponse): void {
  const headers = PollHeaders.safeParse(Object.fromEntries(Object.entries(request.headers)));
  if (!headers.success) return answer(response, 400, { error: "headers" });
  const id = `connection_${nextId++}`;
  store.add(id, {
    deploymentId: headers.data["x-trigger-deployment-id"],
    deploymentVersion: headers.data["x-trigger-deployment-version"],
    machineCpu: headers.data["x-trigger-machine-cpu"],
    machineMemory: headers.data["x-trigger-machine-memory"],
  });
  held.set(id, response);
  response.on("close", () => {
    if (held.delete(id)) store.remove(id);
  });
}

function dispatch(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => void chunks.push(chunk));
  request.on("end", () => {
    const body = DispatchBody.safeParse(JSON.parse(Buffer.concat(chunks).toString()));
    if (!body.success) return answer(response, 400, { error: "body" });
    const { dequeuedMessage: message } = body.data;
    const id = store.find({
      deploymentId: message.deployment.friendlyId ?? "",
      deploymentVersion: message.backgroundWorker.version,
      machineCpu: String(message.run.machine.cpu),
      machineMemory: String(message.run.machine.memory),
    });
    const runner = id === null ? undefined : held.get(id);
    if (id === null || runner === undefined) return answer(response, 200, { didWarmStart: false });
    held.delete(id);
    store.remove(id);
    answer(runner, 200, message);
    answer(response, 200, { didWarmStart: true });
  });
}

function answer(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  const length = Buffer.byteLength(text);
  response.writeHead(status, { "content-type": "application/json", "content-length": length });
  response.end(text);
}

const server = createServer((request, response) => {
  const { method, url } = request;
  if (url === "/warm-start" && method === "GET") return poll(request, response);
  if (url === "/warm-start" && method === "POST") return dispatch(request, response);
  if (url === "/connect") {
    return answer(response, 200, { connectionTimeoutMs: 30_000, keepaliveMs: 300_000 });
  }
  return answer(response, 404, {});
});
server.requestTimeout = 0;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(`listening on ${typeof address === "object" ? address?.port : ""}`);
});
// A benchmark's server ends with whoever started it.
process.stdin.resume().on("end", () => process.exit(0));
