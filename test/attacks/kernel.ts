/**
 * System calls by number, for attackers: whatever Bun and libc would check, leave out or do in another way is not in
 * between.
 */
import { dlopen, ptr, read } from "bun:ffi";
import { constants } from "node:os";

/** Numbers on x86-64 and on arm64 (asm/unistd_64.h, asm-generic/unistd.h); null where there is none. */
const NUMBERS = {
  accept4: [288, 242],
  add_key: [248, 217],
  bind: [49, 200],
  bpf: [321, 280],
  capset: [126, 91],
  chroot: [161, 51],
  clone3: [435, 435],
  close: [3, 57],
  connect: [42, 203],
  execveat: [322, 281],
  fanotify_init: [300, 262],
  fchmod: [91, 52],
  finit_module: [313, 273],
  fsopen: [430, 430],
  getsockname: [51, 204],
  init_module: [175, 105],
  inotify_add_watch: [254, 27],
  inotify_init1: [294, 26],
  io_uring_setup: [425, 425],
  ioctl: [16, 29],
  ioprio_set: [251, 30],
  kcmp: [312, 272],
  kexec_load: [246, 104],
  keyctl: [250, 219],
  kill: [62, 129],
  listen: [50, 201],
  memfd_create: [319, 279],
  memfd_secret: [447, 447],
  migrate_pages: [256, 238],
  mlockall: [151, 230],
  mknodat: [259, 33],
  mount: [165, 40],
  mq_open: [240, 180],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  open_tree: [428, 428],
  perf_event_open: [298, 241],
  personality: [135, 92],
  pidfd_getfd: [438, 438],
  pidfd_open: [434, 434],
  pidfd_send_signal: [424, 424],
  pivot_root: [155, 41],
  prctl: [157, 167],
  prlimit64: [302, 261],
  process_madvise: [440, 440],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  ptrace: [101, 117],
  quotactl: [179, 60],
  read: [0, 63],
  reboot: [169, 142],
  recvfrom: [45, 207],
  request_key: [249, 218],
  rt_sigqueueinfo: [129, 138],
  sched_setaffinity: [203, 122],
  sched_setscheduler: [144, 119],
  seccomp: [317, 277],
  sendmsg: [46, 211],
  sendto: [44, 206],
  setgroups: [116, 159],
  sethostname: [170, 161],
  setns: [308, 268],
  setpriority: [141, 140],
  setresuid: [117, 147],
  setsockopt: [54, 208],
  settimeofday: [164, 170],
  setuid: [105, 146],
  shmat: [30, 196],
  shmctl: [31, 195],
  shmget: [29, 194],
  socket: [41, 198],
  socketpair: [53, 199],
  swapon: [167, 224],
  syslog: [103, 116],
  tgkill: [234, 131],
  unshare: [272, 97],
  userfaultfd: [323, 282],
  write: [1, 64],
} as const;

export type Call = keyof typeof NUMBERS;
export type Argument = number | bigint | string | NodeJS.TypedArray;

/** The kernel refused; `code` is the symbolic errno, as in Node's own errors. */
export class KernelError extends Error {
  override readonly name = "KernelError";
  readonly code: string;

  constructor(call: string, errno: number) {
    const found = Object.entries(constants.errno).find(([, value]) => value === errno);
    const code = found?.[0] ?? `errno ${errno}`;
    super(`${call}: ${code}`);
    this.code = code;
  }
}

/** Number of a call here. */
export function numberOf(call: Call): number {
  return NUMBERS[call][process.arch === "x64" ? 0 : 1];
}

/**
 * Makes a system call. Strings and arrays are passed by address.
 *
 * @returns what the kernel answers, 0 or more
 * @throws {KernelError}
 */
export function call(name: Call, ...args: Argument[]): number {
  return callNumber(numberOf(name), ...args);
}

/** The same with a number that has no name here. */
export function callNumber(number: number, ...args: Argument[]): number {
  // Kept until the call has returned: the kernel reads from them.
  const kept = args.map((value) => (typeof value === "string" ? Buffer.from(`${value}\0`) : value));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = kept.map((value) =>
    typeof value === "object" ? ptr(value) : value,
  );
  const answer = Number(libc.syscall(number, a, b, c, d, e, f));
  if (answer === -1) throw new KernelError(`system call ${number}`, read.i32(errnoAt, 0));
  return answer;
}

/** Address of an array, for a structure that points to it; whoever asks keeps the array. */
export function addressOf(array: NodeJS.TypedArray): bigint {
  return BigInt(ptr(array));
}

const libc = dlopen("libc.so.6", {
  // Variadic in C; on x86-64 and arm64 a call with register arguments is the same either way.
  syscall: { args: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"], returns: "i64" },
  __errno_location: { args: [], returns: "ptr" },
}).symbols;

/** Per thread, and an attacker's thread does not change. */
const errnoAt = libc.__errno_location()!;
