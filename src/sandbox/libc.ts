/**
 * The one place that calls into libc. Everything the kernel offers that Bun has no function for goes through here, so
 * that the foreign calls can be read, and doubted, in one sitting.
 *
 *   closed ──first call──▶ open            the library is not looked up before somebody needs it
 *
 * Signals are not here: `process.kill` takes a negative pid (a process group) in Bun and reports errno as `code`.
 */
import { dlopen, ptr, read } from "bun:ffi";
import { constants } from "node:os";
import { invariant } from "../base/errors.ts";

/** A libc call that answered -1. `code` is the symbolic errno (`EACCES`), as in Node's own errors. */
export class LibcError extends Error {
  override readonly name = "LibcError";
  readonly code: string;
  readonly errno: number;

  constructor(call: string, errno: number) {
    const code = errnoName(errno);
    super(`Cannot ${call}: ${code}`);
    this.code = code;
    this.errno = errno;
  }
}

/**
 * Takes the exclusive advisory lock of an open file without waiting. The kernel drops it when every descriptor of that
 * opening is closed, so it also ends with a process that was killed. A child that inherits the descriptor keeps it.
 *
 * @returns false when another opening of the file holds it
 * @throws {LibcError} for everything else, such as a file system without locks
 */
export function tryLockExclusive(fd: number): boolean {
  if (libc().flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  const errno = lastErrno();
  if (errno === constants.errno.EWOULDBLOCK) return false;
  throw new LibcError("lock a file", errno);
}

/** Options of `prctl` that Levain uses; the numbers are the kernel's. */
export const PRCTL = {
  /** Argument: the signal this thread gets when its parent dies. */
  SET_PDEATHSIG: 1,
  /** Answers 1 when this process is dumpable, that is: its owner may trace it and read its memory. */
  GET_DUMPABLE: 3,
  SET_DUMPABLE: 4,
  /** Argument 1: orphans below this process become its children. */
  SET_CHILD_SUBREAPER: 36,
  SET_NO_NEW_PRIVS: 38,
  GET_NO_NEW_PRIVS: 39,
} as const;

/**
 * Asks the kernel for something about this process. Most options are per thread: called from JavaScript they meet the
 * main thread only, not Bun's other threads.
 *
 * @returns the kernel's answer, 0 or more
 * @throws {LibcError}
 */
export function prctl(option: (typeof PRCTL)[keyof typeof PRCTL], argument = 0): number {
  const answer = libc().prctl(option, argument, 0, 0, 0);
  if (answer < 0) throw new LibcError(`set process option ${option}`, lastErrno());
  return answer;
}

/**
 * CPU time of a process since it began, user and system, of all its threads, also those that have ended; exact, where
 * /proc counts in steps of 10 ms.
 *
 * @returns microseconds, or null when there is no such process.
 */
export function processCpuUs(pid: number): number | null {
  // How a pid becomes a clock: linux/posix-timers.h, CPUCLOCK_SCHED of a process.
  const clock = (~pid << 3) | CPUCLOCK_SCHED;
  if (libc().clock_gettime(clock, ptr(timespec)) !== 0) return null;
  return Number(timespec[0]) * 1e6 + Number(timespec[1]) / 1e3;
}

/**
 * A descriptor of a process, which becomes readable when it ends. The caller closes it.
 *
 * @throws {LibcError} when there is no such process, or no descriptor left
 */
export function openPidfd(pid: number): number {
  const fd = Number(libc().syscall(SYS_PIDFD_OPEN, pid, 0, 0, 0, 0));
  if (fd < 0) throw new LibcError("open a process", lastErrno());
  return fd;
}

/** A pipe that no child inherits: its end to read, its end to write. @throws {LibcError} */
export function openPipe(): [number, number] {
  const ends = new Int32Array(2);
  if (libc().pipe2(ptr(ends), O_CLOEXEC) !== 0) throw new LibcError("open a pipe", lastErrno());
  return [ends[0]!, ends[1]!];
}

/** Whether this kernel takes seccomp filters. */
export function hasSeccomp(): boolean {
  // It says in which mode we are, or that it does not know what is meant.
  return libc().prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

/** Level of Landlock this kernel offers. 1 or more; 0 = none, or switched off. */
export function landlockAbi(): number {
  const answer = Number(libc().syscall(SYS_LANDLOCK_CREATE_RULESET, 0, 0, LANDLOCK_VERSION, 0, 0));
  return Math.max(answer, 0);
}

/**
 * Asks the kernel to move a range of another process's memory to swap. Without room there it does nothing. With zero bytes it
 * says whether it may.
 *
 * @param descriptor of `openPidfd`
 * @throws {LibcError} `EPERM` without CAP_SYS_NICE or the right to look into the process; `ENOSYS` before Linux 5.10;
 *   `ESRCH` when it is gone; `ENOMEM` when part of the range is not mapped
 */
export function pageOutRange(descriptor: number, start: number, bytes: number): void {
  range[0] = BigInt(start);
  range[1] = BigInt(bytes);
  const { syscall } = libc();
  const answer = syscall(SYS_PROCESS_MADVISE, descriptor, ptr(range), 1, MADV_PAGEOUT, 0);
  if (Number(answer) < 0) throw new LibcError("page a process out", lastErrno());
}

/**
 * Parts of a process's memory that are in RAM and its own: neither pages of files nor those that are empty.
 *
 * @param pagemap open `/proc/<pid>/pagemap`
 * @returns starts and ends, in order
 * @throws {LibcError} `ENOTTY` before Linux 6.7
 */
export function ownPages(pagemap: number, start: number, end: number): [number, number][] {
  const found: [number, number][] = [];
  for (let at = BigInt(start); at < end; ) {
    scan.set([BigInt(scan.byteLength), 0n, at, BigInt(end), 0n, BigInt(ptr(regions)), regionsMax]);
    scan.set([0n, PAGE_IS_FILE | PAGE_IS_ZERO, PAGE_IS_OWN, 0n, PAGE_IS_PRESENT], 7);
    const count = libc().ioctl(pagemap, PAGEMAP_SCAN, ptr(scan));
    if (count < 0) throw new LibcError("look at the pages of a process", lastErrno());
    for (let index = 0; index < count; index++) {
      found.push([Number(regions[3 * index]), Number(regions[3 * index + 1])]);
    }
    // Where it stopped, since there was no room for more.
    const stoppedAt = scan[4]!;
    if (stoppedAt <= at) break;
    at = stoppedAt;
  }
  return found;
}

/**
 * Reads one byte of each page of a range in another process, which brings the pages back that are not in RAM.
 *
 * @param bytes at most `touchedMax` pages
 * @throws {LibcError} `EPERM` without the right to look into the process, `ESRCH`, `EFAULT`
 */
export function touchPages(pid: number, start: number, bytes: number, pageBytes: number): void {
  const count = Math.ceil(bytes / pageBytes);
  invariant(count <= touchedMax, "a call has room for every page");
  for (let page = 0; page < count; page++) {
    touched[2 * page] = BigInt(start + page * pageBytes);
    touched[2 * page + 1] = 1n;
  }
  range[0] = BigInt(ptr(touchedBytes));
  range[1] = BigInt(count);
  const { process_vm_readv: readv } = libc();
  const answer = readv(pid, ptr(range), 1, ptr(touched), count, 0);
  if (Number(answer) < 0) throw new LibcError("read the memory of a process", lastErrno());
}

/** Size of a page of memory. Bytes. */
export function pageBytes(): number {
  return libc().getpagesize();
}

const O_CLOEXEC = 0o2000000;
// prctl(2)
const PR_GET_SECCOMP = 21;
// flock(2)
const LOCK_EX = 2;
const LOCK_NB = 4;
// landlock_create_ruleset(2); the number is the same on x86-64 and arm64.
const SYS_LANDLOCK_CREATE_RULESET = 444;
const LANDLOCK_VERSION = 1;

// pidfd_open(2), process_madvise(2), madvise(2); the numbers are the same on x86-64 and arm64.
const SYS_PIDFD_OPEN = 434;
const SYS_PROCESS_MADVISE = 440;
const MADV_PAGEOUT = 21;
/** One `struct iovec`. */
const range = new BigUint64Array(2);

// PAGEMAP_SCAN, see linux/fs.h: one `struct pm_scan_arg`, and room for its answer, `struct page_region`s.
const PAGEMAP_SCAN = 0xc060_6610;
const PAGE_IS_FILE = 1n << 2n;
const PAGE_IS_PRESENT = 1n << 3n;
const PAGE_IS_ZERO = 1n << 5n;
/** What the three have to be, the first and the last of them turned round. */
const PAGE_IS_OWN = PAGE_IS_PRESENT | PAGE_IS_FILE | PAGE_IS_ZERO;
const scan = new BigUint64Array(12);
const regionsMax = 1024n;
const regions = new BigUint64Array(3 * Number(regionsMax));

/** IOV_MAX: what one call takes. Count. */
export const touchedMax = 1024;
const touched = new BigUint64Array(2 * touchedMax);
const touchedBytes = new Uint8Array(touchedMax);

// clock_getcpuclockid(3)
const CPUCLOCK_SCHED = 2;
/** Seconds and nanoseconds, as the kernel writes them. */
const timespec = new BigInt64Array(2);

const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

function open() {
  let cause: unknown;
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, {
        flock: { args: ["i32", "i32"], returns: "i32" },
        // Variadic in C; on x86-64 and arm64 Linux a call with register arguments is the same either way.
        prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
        pipe2: { args: ["ptr", "i32"], returns: "i32" },
        ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
        process_vm_readv: { args: ["i32", "ptr", "u64", "ptr", "u64", "u64"], returns: "i64" },
        getpagesize: { args: [], returns: "i32" },
        clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
        syscall: { args: ["i64", "u64", "u64", "u64", "u64", "u64"], returns: "i64" },
        __errno_location: { args: [], returns: "ptr" },
      }).symbols;
    } catch (error) {
      cause = error;
    }
  }
  throw new Error(`Cannot open libc: tried ${LIBRARIES.join(", ")}`, { cause });
}

let opened: ReturnType<typeof open> | undefined;

function libc(): ReturnType<typeof open> {
  opened ??= open();
  return opened;
}

/**
 * errno of the call just made. It is per thread, and nothing of ours runs between the call and this one; the symbol is
 * looked up at first use, so even that cannot come between.
 */
function lastErrno(): number {
  const location = libc().__errno_location();
  invariant(location !== null, "errno has an address");
  return read.i32(location, 0);
}

function errnoName(errno: number): string {
  const found = Object.entries(constants.errno).find(([, value]) => value === errno);
  return found?.[0] ?? `errno ${errno}`;
}
