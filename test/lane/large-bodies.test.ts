/**
 * Goal: what passes through is not kept, on neither side. Method: a node in a process of its own and an app in another;
 * 200 MB go through while the slower end takes its time, and the memory of both is looked at all the while.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";

const largeBytes = 200 * 1024 * 1024;
/** What garbage may gather to before it is collected. Bytes. */
const growthBytesMax = 64 * 1024 * 1024;

interface Lane {
  child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  port: number;
  /** Of the app. */
  pid: number;
}

let lane: Lane;

beforeAll(async () => {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/large-bodies-process.ts`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let printed = "";
  for await (const chunk of child.stdout.values({ preventCancel: true })) {
    printed += Buffer.from(chunk).toString();
    if (printed.includes("\n")) break;
  }
  lane = { child, ...JSON.parse(printed) };
});

afterAll(async () => {
  lane.child.stdin.end();
  await lane.child.exited;
});

const residentBytes = (pid: number) =>
  Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096;

/** Looks at both processes until it is stopped; returns how much each has grown at most. */
function watchMemory(): () => { node: number; app: number } {
  const pids = { node: lane.child.pid, app: lane.pid };
  const before = { node: residentBytes(pids.node), app: residentBytes(pids.app) };
  const growth = { node: 0, app: 0 };
  const look = () => {
    for (const name of ["node", "app"] as const) {
      growth[name] = Math.max(growth[name], residentBytes(pids[name]) - before[name]);
    }
  };
  const timer = setInterval(look, 20);
  return () => {
    clearInterval(timer);
    look();
    return growth;
  };
}

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(lane.port, "127.0.0.1", () => resolve(socket));
    socket.on("error", reject);
  });
}

const head = (line: string, lines = "") =>
  `${line} HTTP/1.1\r\nhost: app.localhost\r\nconnection: close\r\n${lines}\r\n`;

/** Writes `bytes` as fast as the socket takes them, or until it is closed. Returns how many it took. */
async function upload(socket: Socket, bytes: number): Promise<number> {
  const piece = Buffer.alloc(256 * 1024, "x");
  let sent = 0;
  while (sent < bytes && !socket.destroyed && socket.writable) {
    const next = piece.subarray(0, Math.min(piece.length, bytes - sent));
    sent += next.length;
    if (socket.write(next)) continue;
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.once("drain", resolve);
    socket.once("close", resolve);
    await promise;
    socket.off("drain", resolve);
    socket.off("close", resolve);
  }
  return sent;
}

/** Everything that comes until the socket closes. */
function answerOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("close", () => resolve(text));
  });
}

describe("200 MB", () => {
  test("to a client that reads slowly are kept neither by the node nor by the app", async () => {
    const growth = watchMemory();
    const socket = await open();
    let received = 0;
    const done = new Promise<void>((resolve) => socket.on("close", resolve));
    socket.on("data", (chunk) => {
      const before = received;
      received += chunk.length;
      if (Math.floor(before / 2 ** 20) === Math.floor(received / 2 ** 20)) return;
      socket.pause();
      setTimeout(() => socket.resume(), 2);
    });

    socket.write(head(`GET /download?bytes=${largeBytes}`));
    await done;

    const { node, app } = growth();
    expect(received).toBeGreaterThan(largeBytes);
    expect(node).toBeLessThan(growthBytesMax);
    expect(app).toBeLessThan(growthBytesMax);
  }, 30_000);

  test("to an app that reads slowly are kept neither by the node nor by the app", async () => {
    const growth = watchMemory();
    const socket = await open();
    const answer = answerOf(socket);

    socket.write(head("POST /read-slowly", `content-length: ${largeBytes}\r\n`));
    await upload(socket, largeBytes);

    expect(await answer).toEndWith(`\r\n\r\n${largeBytes}`);
    const { node, app } = growth();
    expect(node).toBeLessThan(growthBytesMax);
    expect(app).toBeLessThan(growthBytesMax);
  }, 30_000);

  test("to an app that reads nothing stay with the client, who gets the early answer", async () => {
    const growth = watchMemory();
    const socket = await open();
    const answer = answerOf(socket);

    socket.write(head("POST /never-read", `content-length: ${largeBytes}\r\n`));
    const sent = await upload(socket, largeBytes);

    expect(await answer).toStartWith("HTTP/1.1 413 ");
    expect(sent).toBeLessThan(largeBytes / 4);
    const { node, app } = growth();
    expect(node).toBeLessThan(growthBytesMax);
    expect(app).toBeLessThan(growthBytesMax);
  }, 30_000);
});
