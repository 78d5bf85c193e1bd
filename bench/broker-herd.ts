/**
 * Many idle runners in one process, which hold a poll each and end as they are told to: a client that is killed, a machine that is
 * gone without a word, a fleet that comes back at once.
 *
 *   bun bench/broker-herd.ts <url> <count> <keys>
 *
 * Prints `polling` when every poll was sent; then obeys lines on stdin: `come` (opens them all at once), and the ways of
 * `Leaving`. Prints `done` after each.
 */
import { dlopen, ptr } from "bun:ffi";
import { readdirSync, readlinkSync } from "node:fs";
import { brokerKey, pollRequest } from "../src/perf/broker-requests.ts";

/**
 * `end`: closes. `reset`: breaks off. `half`: sends nothing more, and reads on. `vanish`: as if the machine had lost its power;
 * needs the right to administer the network.
 */
export type Leaving = "end" | "reset" | "half" | "vanish";

/** Openings at once of the first time. Count. */
const openingsMax = 128;
/** Before an opening that failed is tried again. Milliseconds. */
const pauseMs = 20;

const IPPROTO_TCP = 6;
const TCP_REPAIR = 19;

if (import.meta.main) await main();

async function main(): Promise<void> {
  const [address = "", count = "0", keys = "1"] = process.argv.slice(2);
  const url = new URL(address);
  const polls = Array.from({ length: Number(count) }, (_, index) => {
    const key = brokerKey(index % Number(keys));
    return pollRequest(url.host, key, `controller_herd-${process.pid}-${index}`).bytes;
  });
  const before = new Set(socketDescriptors());
  let sockets = await open(url, polls, openingsMax);
  console.log("polling");
  for await (const line of console) {
    switch (line) {
      case "come":
        for (const socket of sockets) socket.terminate();
        sockets = await open(url, polls, polls.length);
        break;
      case "end":
        for (const socket of sockets) socket.end();
        break;
      case "reset":
        for (const socket of sockets) socket.terminate();
        break;
      case "half":
        for (const socket of sockets) socket.shutdown();
        break;
      case "vanish": {
        for (const fd of socketDescriptors()) if (!before.has(fd)) setRepair(fd);
        console.log("done");
        process.kill(process.pid, "SIGKILL");
      }
    }
    console.log("done");
  }
  process.exit(0);
}

type Socket = Bun.Socket<{ index: number }>;

/** Opens all, and sends their polls. */
async function open(url: URL, polls: readonly Buffer[], atOnceMax: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  let next = 0;
  const openOne = async (index: number) => {
    for (;;) {
      try {
        const socket = await Bun.connect({
          hostname: url.hostname,
          port: Number(url.port),
          data: { index },
          allowHalfOpen: true,
          socket: { data() {}, error() {} },
        });
        socket.write(polls[index]!);
        sockets.push(socket);
        return;
      } catch {
        await Bun.sleep(pauseMs);
      }
    }
  };
  const lane = async () => {
    while (next < polls.length) await openOne(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, polls.length) }, lane));
  return sockets;
}

function socketDescriptors(): number[] {
  return readdirSync("/proc/self/fd").filter(isSocket).map(Number);
}

function isSocket(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
  } catch {
    return false;
  }
}

/** A socket in repair is dropped at its end without a word to the other side. @throws without the right to do so */
function setRepair(fd: number): void {
  const { symbols, close } = dlopen("libc.so.6", {
    setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  });
  const on = new Int32Array([1]);
  const result = symbols.setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, ptr(on), 4);
  close();
  if (result !== 0) throw new Error("sockets cannot be taken away without a word here");
}
