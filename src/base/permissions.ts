/**
 * What a version may reach beyond its own files, as its configuration declares it, and how strictly it is held to that.
 * Plain JSON, part of a version.
 */

/** From most to least: see docs/sandbox.md. */
export const SANDBOX_LEVELS = ["strict", "relaxed", "off"] as const;
export type SandboxLevel = (typeof SANDBOX_LEVELS)[number];

/** Whether one level holds a process at least as strictly as another. */
export function isAtLeast(level: SandboxLevel, least: SandboxLevel): boolean {
  return SANDBOX_LEVELS.indexOf(level) <= SANDBOX_LEVELS.indexOf(least);
}

export interface Permissions {
  /** `host:port`, or `*:port` for any host. The kernel knows the port. */
  connect: string[];
  /** It may bind TCP ports and wait for connections on them. */
  listen: boolean;
  /** It may send and receive datagrams. */
  udp: boolean;
  /** Folders of the machine that it may read and write. Absolute paths. */
  write: string[];
}

/** What an app has that declares nothing: services on the web. */
export const defaultPermissions: Permissions = {
  connect: ["*:443"],
  listen: false,
  udp: false,
  write: [],
};

/** One place to connect to. */
export interface Destination {
  /** Host name or address, `*` for any. */
  host: string;
  port: number;
}

/** Null when it is none. `[::1]:443` names an IPv6 address. */
export function parseDestination(text: string): Destination | null {
  const match =
    /^(\*|[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]):([1-9][0-9]{0,4})$/i.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return null;
  return { host: match[1]!.toLowerCase(), port };
}
