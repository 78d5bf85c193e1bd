/** A relay with TLS in front of a test's PostgreSQL, and a client that says byte by byte what no library would. */

import { connect, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import tls from "node:tls";
import { int32, startupPacket } from "../../src/relay/messages.ts";

export const tlsRequest = Buffer.concat([int32(8), int32(80877103)]);
export const gssRequest = Buffer.concat([int32(8), int32(80877104)]);

/** An address of this machine that counts as beyond it; null where there is none. */
export const ownAddress: string | null =
  Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === "IPv4" && !one.internal)?.address ?? null;

/** All bytes that come until the other side closes, after some were sent. */
export async function talk(
  port: number,
  steps: readonly (Uint8Array | "answer")[],
  host = "127.0.0.1",
): Promise<Buffer> {
  const socket = connect(port, host);
  const chunks: Buffer[] = [];
  let wake = () => {};
  socket.on("data", (chunk) => {
    chunks.push(chunk as Buffer);
    wake();
  });
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  for (const step of steps) {
    if (step !== "answer") socket.write(step);
    else {
      const seen = chunks.length;
      await Promise.race([
        closed,
        new Promise<void>((resolve) => {
          wake = resolve;
          if (chunks.length > seen) resolve();
        }),
      ]);
    }
  }
  await closed;
  return Buffer.concat(chunks);
}

/** A connection on which TLS was asked for and agreed on; nothing of the handshake was sent. */
export async function agreed(port: number, host = "127.0.0.1"): Promise<Socket> {
  const socket = connect(port, host);
  socket.on("error", () => {});
  socket.write(tlsRequest);
  const answer = await new Promise<Buffer>((resolve, reject) => {
    socket.once("data", (chunk) => resolve(chunk as Buffer));
    socket.once("close", () => reject(new Error("it closed before it answered")));
  });
  if (answer.toString() !== "S") throw new Error(`it answered ${answer}`);
  return socket;
}

/** TLS on a connection, up to its end of the handshake. */
export function secured(socket: Socket, options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const one = tls.connect({ socket, ...options });
    one.once("secureConnect", () => resolve(one));
    one.once("error", reject);
    one.once("close", () => reject(new Error("it closed")));
  });
}

/** Resolves with what came when the other side has closed. */
export function closing(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on("data", (chunk) => chunks.push(chunk as Buffer));
    socket.on("error", () => {});
    socket.once("close", () => resolve(Buffer.concat(chunks)));
  });
}

export const startupOf = (name: string): Buffer =>
  startupPacket([
    ["user", name],
    ["database", name],
  ]);
