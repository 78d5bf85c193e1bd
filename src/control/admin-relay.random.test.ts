/**
 * Goal: whatever clients do, in whatever pieces, each gets the whole answer to its one request or none, and the relay keeps
 * nothing of them. Method: random clients at once, with a seed.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Random, randomOf, testSeed } from "../base/random-for-tests.ts";
import { until } from "../base/until-for-tests.ts";
import { AdminRelay, relayHeader } from "./admin-relay.ts";

/** Sends the bytes in random pieces; what came back until the end. */
function send(
  port: number,
  bytes: Buffer,
  random: Random,
  leavesAt: number | null,
): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    let sent = 0;
    const socket = connect(port, "127.0.0.1");
    const next = () => {
      if (leavesAt !== null && sent >= leavesAt) return void socket.destroy();
      if (sent >= bytes.length || socket.destroyed) return;
      const size = 1 + random(random(3) === 0 ? 100_000 : 50);
      const piece = bytes.subarray(sent, sent + size);
      sent += piece.length;
      socket.write(piece, () => (random(2) === 0 ? setImmediate(next) : next()));
    };
    socket.on("connect", next);
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      // Some read late.
      if (random(10) !== 0) return;
      socket.pause();
      setTimeout(() => socket.resume(), random(5));
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
  });
}

test("random clients get whole answers or none, and leave nothing", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const folder = mkdtempSync(join(tmpdir(), "levain-relay-"));
  const socketPath = join(folder, "inner.sock");
  const seen: (string | null)[] = [];
  const inner = Bun.serve({
    unix: socketPath,
    async fetch(request) {
      seen.push(relay.addressOf(request.headers.get(relayHeader)));
      const body = await request.text();
      const { pathname } = new URL(request.url);
      return new Response(`${pathname} ${body.length} ${"z".repeat(Number(pathname.slice(1)))}`);
    },
  });
  const bounds = { connectionsMax: 1000, connectionsOfOneMax: 1000, headTimeoutMs: 5000 };
  const relay = new AdminRelay({ hostname: "127.0.0.1", port: 0, tls: null, socketPath, bounds });
  let whole = 0;
  let left = 0;

  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const size = random(3) === 0 ? random(400_000) : random(100);
        const answerSize = random(3) === 0 ? random(400_000) : random(100);
        const noise = `x-noise: ${"n".repeat(random(3_000))}\r\n${relayHeader}: spoof\r\n`;
        const head = `POST /${answerSize} HTTP/1.1\r\nhost: a\r\n${noise}content-length: ${size}\r\n\r\n`;
        const bytes = Buffer.concat([Buffer.from(head), Buffer.alloc(size, 0x61)]);
        const leavesAt = random(4) === 0 ? random(bytes.length) : null;

        const answer = await send(relay.port, bytes, random, leavesAt);

        if (leavesAt !== null) {
          left += 1;
          return;
        }
        const expected = `/${answerSize} ${size} ${"z".repeat(answerSize)}`;
        expect(answer.endsWith(`\r\n\r\n${expected}`), `seed ${seed}, ${head.slice(0, 20)}`).toBe(
          true,
        );
        whole += 1;
      }),
    );
  }

  expect(whole, `seed ${seed}`).toBeGreaterThan(40);
  // Who has left is nobody any more, and asks for nothing.
  expect(seen.filter((address) => address === null).length, `seed ${seed}`).toBeLessThanOrEqual(
    left,
  );
  const others = seen.filter((address) => address !== null && address !== "127.0.0.1");
  expect(others, `seed ${seed}`).toEqual([]);
  await until(() => relay.connections === 0);
  relay.stopAccepting();
  relay.close();
  await inner.stop(true);
  rmSync(folder, { recursive: true });
}, 60_000);
