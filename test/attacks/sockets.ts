/** Sockets by system call, for attackers. */
import { call } from "./kernel.ts";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const IPPROTO_MPTCP = 262;
export const MSG_FASTOPEN = 0x2000_0000;

/** A `sockaddr_in`. */
export function inet(port: number, address = "127.0.0.1"): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  for (const [index, part] of address.split(".").entries()) bytes[4 + index] = Number(part);
  return bytes;
}

/** A `sockaddr_un`; a name that begins with NUL is an abstract one. */
export function unix(name: string): Buffer {
  const bytes = Buffer.alloc(2 + Buffer.byteLength(name) + (name.startsWith("\0") ? 0 : 1));
  bytes.writeUInt16LE(AF_UNIX, 0);
  bytes.write(name, 2);
  return bytes;
}

/** A new socket for as long as `use` takes. */
export function withSocket<T>(
  [family, type, protocol = 0]: readonly [family: number, type: number, protocol?: number],
  use: (fd: number) => T,
): T {
  const fd = call("socket", family, type, protocol);
  try {
    return use(fd);
  } finally {
    call("close", fd);
  }
}

/** A TCP or unix connection to `address`, ended at once. */
export function connectTo(address: Buffer, protocol = 0): void {
  withSocket([address.readUInt16LE(0), SOCK_STREAM, protocol], (fd) =>
    call("connect", fd, address, address.length),
  );
}

/** Port of a bound socket. */
export function portOf(fd: number): number {
  const address = Buffer.alloc(16);
  call("getsockname", fd, address, new Uint32Array([16]));
  return address.readUInt16BE(2);
}
