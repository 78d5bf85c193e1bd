/**
 * Descriptors that travel between processes, so that two of them can share a socket that no path leads to.
 *
 *   socketPair() ──sendDescriptor(one end)──▶ the other process ──receiveDescriptor()──▶ its own number for it
 *
 * They travel on a unix socket of their own (`SCM_RIGHTS`), which nobody else reads: Bun would drop them. Calls libc by
 * itself, since a runner consists of few folders; nothing is looked up before the first call.
 */
import { invariant } from "../base/errors.ts";

/**
 * Both ends of a new stream socket. Not inherited by processes that are started later.
 *
 * @throws when there is no descriptor left
 */
export function socketPair(): [number, number] {
  const ends = new Int32Array(2);
  const { libc, ptr } = open();
  if (libc.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ptr(ends)) !== 0) {
    throw new Error("Cannot make a pair of sockets");
  }
  return [ends[0]!, ends[1]!];
}

/** Puts a descriptor on the socket `via`; the sender's own stays open. @throws when the other end is gone or reads nothing. */
export function sendDescriptor(via: number, descriptor: number): void {
  const { libc, ptr } = open();
  const message = messageWith(descriptor, ptr);
  const sent = Number(libc.sendmsg(via, ptr(message.header), MSG_DONTWAIT | MSG_NOSIGNAL));
  if (sent !== 1) throw new Error("Cannot send a descriptor");
}

/** Takes the descriptor that was sent first and not taken yet; it must have been sent before. @throws when there is none. */
export function receiveDescriptor(via: number): number {
  const { libc, ptr } = open();
  const message = messageWith(-1, ptr);
  const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
  const received = Number(libc.recvmsg(via, ptr(message.header), flags));
  const descriptor = message.control.getInt32(CMSG_DATA, true);
  if (received !== 1 || descriptor < 0) throw new Error("Cannot receive a descriptor");
  return descriptor;
}

/** struct msghdr with one byte of data and one descriptor; little endian and 64 bits, as every machine Bun runs on. */
function messageWith(descriptor: number, ptr: (view: NodeJS.TypedArray) => number) {
  const data = new Uint8Array(1);
  const vector = new BigUint64Array([BigInt(ptr(data)), 1n]);
  const bytes = new Uint8Array(CMSG_SPACE);
  const control = new DataView(bytes.buffer);
  control.setBigUint64(0, BigInt(CMSG_DATA + 4), true);
  control.setInt32(8, SOL_SOCKET, true);
  control.setInt32(12, SCM_RIGHTS, true);
  control.setInt32(CMSG_DATA, descriptor, true);
  const header = new BigUint64Array(7);
  header[2] = BigInt(ptr(vector));
  header[3] = 1n;
  header[4] = BigInt(ptr(bytes));
  header[5] = BigInt(CMSG_SPACE);
  // The kernel reads them through addresses, which keep nothing alive.
  return { header, control, kept: [data, vector, bytes] };
}

// <sys/socket.h>
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** Where the descriptor lies in the control message, and the size of that. Bytes. */
const CMSG_DATA = 16;
const CMSG_SPACE = 24;

const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

function openLibc() {
  const { dlopen, ptr } = require("bun:ffi") as typeof import("bun:ffi");
  for (const name of LIBRARIES) {
    try {
      const libc = dlopen(name, {
        socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
        sendmsg: { args: ["i32", "ptr", "i32"], returns: "i64" },
        recvmsg: { args: ["i32", "ptr", "i32"], returns: "i64" },
      }).symbols;
      return { libc, ptr: ptr as unknown as (view: NodeJS.TypedArray) => never };
    } catch {
      // Another name, perhaps.
    }
  }
  invariant(false, `there is a libc among ${LIBRARIES.join(", ")}`);
}

let opened: ReturnType<typeof openLibc> | undefined;

function open(): ReturnType<typeof openLibc> {
  opened ??= openLibc();
  return opened;
}
