/**
 * Options of a listening socket that Bun has no words for. On Linux accepted connections inherit them, so that they cost no
 * system call for each.
 */
import { dlopen, ptr } from "bun:ffi";
import { acceptBacklog, acknowledgeTimeoutMs, keepAliveProbeMs } from "./limits.ts";

/** asm-generic/socket.h and linux/tcp.h; the same on x64 and arm64. */
const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_USER_TIMEOUT = 18;

/**
 * Lets the kernel find clients that vanished without a word, and hold as many that want to connect as there may be after a restart.
 *
 * @param descriptor that listens
 * @returns false where the kernel or the C library has none of this; then connections are asked for keep-alive one by one
 */
export function tuneListener(descriptor: number): boolean {
  if (process.platform !== "linux") return false;
  const libc = openLibc();
  if (libc === null) return false;
  const { setsockopt, listen } = libc.symbols;
  const probeS = Math.round(keepAliveProbeMs / 1000);
  const options: [level: number, name: number, value: number][] = [
    [SOL_SOCKET, SO_KEEPALIVE, 1],
    [IPPROTO_TCP, TCP_KEEPIDLE, probeS],
    [IPPROTO_TCP, TCP_KEEPINTVL, probeS],
    [IPPROTO_TCP, TCP_USER_TIMEOUT, acknowledgeTimeoutMs],
    [IPPROTO_TCP, TCP_NODELAY, 1],
  ];
  const value = new Int32Array(1);
  let isTuned = true;
  for (const [level, name, wanted] of options) {
    value[0] = wanted;
    if (setsockopt(descriptor, level, name, ptr(value), 4) !== 0) isTuned = false;
  }
  // Called again, it only changes how many may wait.
  listen(descriptor, acceptBacklog);
  libc.close();
  return isTuned;
}

function openLibc() {
  for (const name of [
    "libc.so.6",
    `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`,
  ]) {
    try {
      return dlopen(name, {
        setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
        listen: { args: ["i32", "i32"], returns: "i32" },
      });
    } catch {
      // The other C library.
    }
  }
  return null;
}
