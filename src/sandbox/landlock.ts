/**
 * What Landlock can handle, by the level the kernel offers; include/uapi/linux/landlock.h. A right that is handled and
 * not given by a rule is refused with EACCES.
 */
import type { PathRule, PortRule, Ruleset } from "./launch.ts";

/** Rights on files and folders. */
export const FS = {
  EXECUTE: 1n << 0n,
  WRITE_FILE: 1n << 1n,
  READ_FILE: 1n << 2n,
  READ_DIR: 1n << 3n,
  REMOVE_DIR: 1n << 4n,
  REMOVE_FILE: 1n << 5n,
  MAKE_CHAR: 1n << 6n,
  MAKE_DIR: 1n << 7n,
  MAKE_REG: 1n << 8n,
  MAKE_SOCK: 1n << 9n,
  MAKE_FIFO: 1n << 10n,
  MAKE_BLOCK: 1n << 11n,
  MAKE_SYM: 1n << 12n,
  /** Level 2. */
  REFER: 1n << 13n,
  /** Level 3. */
  TRUNCATE: 1n << 14n,
  /** Level 5. */
  IOCTL_DEV: 1n << 15n,
} as const;

/** Rights on TCP ports; level 4. */
export const NET = { BIND_TCP: 1n << 0n, CONNECT_TCP: 1n << 1n } as const;

/** What stays among the processes of one sandbox; level 6. */
const SCOPE = { ABSTRACT_UNIX_SOCKET: 1n << 0n, SIGNAL: 1n << 1n } as const;

/** Levels that brought something. */
export const LEVEL = { files: 1, tcp: 4, scopes: 6 } as const;

const ALL_FS = Object.values(FS).reduce((all, right) => all | right);
const FILE_ACCESS = FS.EXECUTE | FS.WRITE_FILE | FS.READ_FILE | FS.TRUNCATE | FS.IOCTL_DEV;

/** Read and execute. */
export const READ = FS.EXECUTE | FS.READ_FILE | FS.READ_DIR;
/** Read without execute. */
export const LOOK = FS.READ_FILE | FS.READ_DIR;
/** Everything but devices. */
export const WRITE = ALL_FS & ~(FS.MAKE_CHAR | FS.MAKE_BLOCK | FS.IOCTL_DEV);
/** For a device such as /dev/null. */
export const DEVICE = FS.READ_FILE | FS.WRITE_FILE | FS.TRUNCATE;

/**
 * A ruleset of all that the level can handle on files, with these rules.
 *
 * @param level 1 or more
 * @param handledNet rights on ports that are handled; left out below the level that knows them
 */
export function ruleset(
  level: number,
  paths: readonly PathRule[],
  ports: readonly PortRule[] = [],
  handledNet: bigint = NET.BIND_TCP | NET.CONNECT_TCP,
): Ruleset {
  const fs = handledFs(level);
  const net = level < LEVEL.tcp ? 0n : handledNet;
  const scoped = level < LEVEL.scopes ? 0n : SCOPE.ABSTRACT_UNIX_SOCKET | SCOPE.SIGNAL;
  return {
    fs,
    net,
    scoped,
    attributeBytes: level < LEVEL.tcp ? 8 : level < LEVEL.scopes ? 16 : 24,
    fileAccess: FILE_ACCESS & fs,
    paths: paths.map(({ path, access }) => ({ path, access: access & fs })),
    ports: net === 0n ? [] : [...ports],
  };
}

function handledFs(level: number): bigint {
  let fs = ALL_FS;
  if (level < 5) fs &= ~FS.IOCTL_DEV;
  if (level < 3) fs &= ~FS.TRUNCATE;
  if (level < 2) fs &= ~FS.REFER;
  return fs;
}
