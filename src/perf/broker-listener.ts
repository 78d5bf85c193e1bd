/** Which process of this machine listens on a port, as the kernel has it; for a load generator that was only given an address. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** State of a socket that listens, in /proc/net/tcp. */
const listening = "0A";

/** @returns null when nobody does, it is another machine, or its processes may not be looked at. */
export function listenerOf(url: URL): number | null {
  if (!/^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname)) return null;
  const inodes = listeningInodes(Number(url.port || 80));
  if (inodes.size === 0) return null;
  for (const name of readdirSync("/proc")) {
    if (/^\d+$/.test(name) && holdsOneOf(name, inodes)) return Number(name);
  }
  return null;
}

/** Names of the sockets as /proc/<pid>/fd shows them. */
function listeningInodes(port: number): Set<string> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const rows = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => linesOf(path));
  const fields = rows.map((row) => row.trim().split(/\s+/));
  const own = fields.filter(([, local = "", , state]) => {
    return state === listening && local.endsWith(`:${hex}`);
  });
  return new Set(own.map((row) => `socket:[${row[9]}]`));
}

function holdsOneOf(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => inodes.has(linkOf(`${folder}/${fd}`)));
  } catch {
    // It has ended, or is another user's.
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, "latin1").split("\n").slice(1, -1);
  } catch {
    return [];
  }
}
