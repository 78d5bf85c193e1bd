/**
 * Goal: large files cost no more memory than their pieces, however slowly they are read, and nothing is left of clients
 * that went away. Method: a file of 200 MB, clients that do not read, and what the process holds.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assetManifestPath, assetManifestText } from "../../src/assets/asset-manifest.ts";
import { prepareFiles } from "../../src/assets/prepare.ts";
import { until } from "../../src/base/until-for-tests.ts";
import { emptyRouteTable } from "../../src/router/route-table.ts";
import { RawConnection } from "../http/raw-client.ts";
import { startTestLane, type TestLane } from "../lane-for-tests.ts";
import { prepareSite } from "./prepared-site.ts";

const fileBytes = 200 * 1024 * 1024;
const clients = 40;
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: {host}\r\n\r\n`;

let folder: string;
let lane: TestLane;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "levain-large-"));
  mkdirSync(join(folder, "public"));
  const fd = openSync(join(folder, "public/large.bin"), "w");
  ftruncateSync(fd, fileBytes);
  closeSync(fd);
  writeFileSync(join(folder, "public/small.txt"), "small");
  const folders = { "/": "public" };
  const { files } = prepareFiles({ task: "assets", root: folder, folders, outdir: folder });
  const rules = { spa: false, cleanUrls: true, redirects: [], headers: [] };
  writeFileSync(join(folder, assetManifestPath), assetManifestText({ files, ...rules }));
  lane = startTestLane({ site: { folder, entry: null, assets: assetManifestPath } });
});
afterAll(async () => {
  await lane.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Descriptors of this process that lead to the large file, also when it has been removed. */
function largeOpen(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes("public/large.bin");
    } catch {
      // The one that has read the folder.
      return false;
    }
  }).length;
}

const connections = () => lane.lane.edge.counters.connections;

/** What is held beside the heap: bytes that wait for clients. */
function heldBytes(): number {
  Bun.gc(true);
  return process.memoryUsage().arrayBuffers + process.memoryUsage().external;
}

async function openClient(path: string): Promise<RawConnection> {
  const target = { port: lane.port, host: "site.localhost", deadlineMs: 30_000 };
  const client = await RawConnection.open(target, [{ method: "GET" }]);
  await client.take({ reading: false });
  await client.take(get(path));
  return client;
}

test("clients that do not read cost a piece each, and the next one is not read", async () => {
  const before = heldBytes();
  const open: RawConnection[] = [];
  for (let count = 0; count < clients; count++) open.push(await openClient("/large.bin"));
  await until(() => largeOpen() === clients);

  // Others are answered meanwhile, and nothing more is read for those that wait.
  for (let count = 0; count < 200; count++) {
    expect(await (await lane.fetch("site", "/small.txt")).text()).toBe("small");
  }
  expect(heldBytes() - before).toBeLessThan(clients * 600 * 1024);

  for (const client of open) await client.take({ reset: true });
  await until(() => largeOpen() === 0);
  await until(() => heldBytes() - before < 8 * 1024 * 1024);
}, 60_000);

test("a client that reads gets every byte, while another one does not read", async () => {
  const idle = await openClient("/large.bin");
  const response = await lane.fetch("site", "/large.bin");
  let bytes = 0;
  for await (const chunk of response.body!) bytes += chunk.length;

  expect(bytes).toBe(fileBytes);
  await idle.take({ reset: true });
}, 60_000);

test("a file that is gone is an error before its head, and a broken answer behind it", async () => {
  const path = join(folder, "public/large.bin");
  await until(() => largeOpen() === 0);
  const client = await openClient("/large.bin");
  await until(() => largeOpen() === 1);
  // What is open stays readable when an artifact is removed; cut short, it ends.
  truncateSync(path, 1024);
  await client.take({ reading: true });
  await client.until(() => client.ended !== null);
  expect(client.answers.filter(({ complete }) => complete)).toHaveLength(0);

  rmSync(path);
  const response = await lane.fetch("site", "/large.bin");
  expect(response.status).toBe(500);
  expect(response.headers.get("levain-error")).toBe("ASSETS_UNREADABLE");
  await until(() => largeOpen() === 0);
}, 30_000);

test("a version that is removed answers to its end what it has begun, and nothing more", async () => {
  using site = prepareSite({ "large.bin": Buffer.alloc(20_000_000, "x"), "small.txt": "small" });
  await using own = startTestLane({ site: site.app });
  const target = { port: own.port, host: "site.localhost", deadlineMs: 30_000 };
  const client = await RawConnection.open(target, [{ method: "GET" }]);
  await client.take({ reading: false });
  await client.take(get("/large.bin"));
  expect(await (await own.fetch("site", "/small.txt")).text()).toBe("small");
  expect(own.lane.sites.bodies.bytes).toBeGreaterThan(0);

  await own.lane.publish(emptyRouteTable);
  rmSync(site.folder, { recursive: true });

  expect(own.lane.sites.bodies.bytes).toBe(0);
  expect((await own.fetch("site", "/small.txt")).status).toBe(404);
  await client.take({ reading: true });
  await client.take({ until: "answer" });
  expect(client.answers[0]?.body.length).toBe(20_000_000);
  client.hangUp();
}, 30_000);

test("files that were asked for 5,000 times by clients that come and go leave nothing open", async () => {
  const before = connections();
  const filesBefore = readdirSync("/proc/self/fd").length;
  for (let round = 0; round < 50; round++) {
    const target = { port: lane.port, host: "site.localhost", deadlineMs: 20_000 };
    const client = await RawConnection.open(target, Array(100).fill({ method: "GET" }));
    await client.take(get("/small.txt").repeat(100));
    if (round % 5 !== 0) await client.take({ until: "answer", answer: 99 });
    await client.take({ reset: true });
  }

  await until(() => connections() <= before);
  await until(() => readdirSync("/proc/self/fd").length <= filesBefore);
}, 60_000);
