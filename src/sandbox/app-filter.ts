/**
 * What an app may not ask the kernel for: the ways around Landlock, the ways to other processes, and what nobody needs
 * who serves requests. Everything else is allowed; a list of what is allowed would break with the next Bun.
 */
import { constants } from "node:os";
import { type ArgumentTest, assemble, type FilterArch, type FilterRule } from "./filter-program.ts";
import { callNumber, type SystemCall } from "./system-calls.ts";

export interface AppFilterOptions {
  /** As `process.arch` says. */
  arch: "x64" | "arm64";
  /** Datagrams over IPv4 and IPv6 may be sent and received. */
  udp: boolean;
  /** Other processes of the machine, such as the node, have the same user: what belongs to a user has to be protected too. */
  isUserShared: boolean;
  /** What a path's owner may then not do seems done and is not, in place of being refused. Default false. */
  isOwnerIgnored?: boolean;
}

/** The filter; see `assemble`. */
export function appFilter(options: AppFilterOptions): Uint8Array {
  const { arch, udp, isUserShared, isOwnerIgnored = false } = options;
  const owned = isOwnerIgnored ? OWNED.map((rule) => ({ ...rule, errno: 0 })) : OWNED;
  const rules = [...socketRules(udp), ...PROCESSES, ...REFUSED, ...(isUserShared ? owned : [])];
  return assemble(
    ARCHES[arch],
    rules.flatMap(({ call, ...rule }): FilterRule[] => {
      const number = callNumber(call, arch);
      return number === null ? [] : [{ call: number, ...rule }];
    }),
  );
}

type Rule = Omit<FilterRule, "call"> & { call: SystemCall };

const ARCHES: Record<"x64" | "arm64", FilterArch> = {
  // The x32 ABI gives every call a second number.
  x64: { audit: 0xc000003e, foreignFrom: 0x40000000 },
  arm64: { audit: 0xc00000b7, foreignFrom: null },
};

const { EPERM, EACCES, ENOSYS, EAFNOSUPPORT } = constants.errno;

const is = (argument: number, equals: number, mask?: number): ArgumentTest =>
  mask === undefined ? { argument, equals } : { argument, equals, mask };

// socket(2)
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const TYPE_MASK = 0xf;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const SOL_TCP = 6;
const TCP_FASTOPEN_CONNECT = 30;
const MSG_FASTOPEN = 0x20000000;

/** Landlock's rules for ports know TCP, by connect and bind. MPTCP and a first segment with data go past them. */
function socketRules(udp: boolean): Rule[] {
  const kinds = [[SOCK_STREAM, IPPROTO_TCP], ...(udp ? [[SOCK_DGRAM, IPPROTO_UDP]] : [])] as const;
  const internet = [AF_INET, AF_INET6].flatMap((family) =>
    kinds.flatMap(([type, protocol]) =>
      [0, protocol].map((one) => [
        is(0, family),
        is(1, type as number, TYPE_MASK),
        is(2, one as number),
      ]),
    ),
  );
  const fastOpen = (argument: number) => [[is(argument, MSG_FASTOPEN, MSG_FASTOPEN)]];
  return [
    { call: "sendto", errno: EPERM, when: fastOpen(3) },
    { call: "sendmsg", errno: EPERM, when: fastOpen(2) },
    { call: "sendmmsg", errno: EPERM, when: fastOpen(3) },
    { call: "setsockopt", errno: EPERM, when: [[is(1, SOL_TCP), is(2, TCP_FASTOPEN_CONNECT)]] },
    { call: "socket", errno: EAFNOSUPPORT, unless: [[is(0, AF_UNIX)], ...internet] },
    { call: "socketpair", errno: EAFNOSUPPORT, unless: [[is(0, AF_UNIX)]] },
  ];
}

const F_SETLEASE = 1024;
/** The child would be the node's, which does not know of it and would never ask how it ended. */
const CLONE_PARENT = 0x00008000;
const PR_SET_PDEATHSIG = 1;
/** SIGKILL is 1001 in binary: what differs from it in a bit is another signal, or none. */
const NOT_SIGKILL = [
  is(1, 0, 1),
  is(1, 2, 2),
  is(1, 4, 4),
  is(1, 0, 8),
  ...[16, 32, 64].map((bit) => is(1, bit, bit)),
];
/** CLONE_NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWNS. */
const NAMESPACES = [
  0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00020000,
];
/** ADDR_NO_RANDOMIZE and the like weaken only oneself; PER_LINUX and "what is it" are all that programs need. */
const PERSONALITIES = [0, 0xffffffff];

/** Calls that name a process: allowed for oneself, which is 0. */
const PROCESSES: Rule[] = [
  // Its flags lie in memory, where a filter cannot look; libc goes on with clone.
  { call: "clone3", errno: ENOSYS },
  {
    call: "clone",
    errno: EPERM,
    when: [...NAMESPACES, CLONE_PARENT].map((flag) => [is(0, flag, flag)]),
  },
  { call: "prlimit64", errno: EPERM, unless: [[is(0, 0)]] },
  { call: "setpriority", errno: EPERM, unless: [[is(0, 0), is(1, 0)]] },
  { call: "ioprio_set", errno: EPERM, unless: [[is(0, 1), is(1, 0)]] },
  { call: "sched_setaffinity", errno: EPERM, unless: [[is(0, 0)]] },
  { call: "sched_setattr", errno: EPERM, unless: [[is(0, 0)]] },
  { call: "sched_setparam", errno: EPERM, unless: [[is(0, 0)]] },
  { call: "sched_setscheduler", errno: EPERM, unless: [[is(0, 0)]] },
  { call: "personality", errno: EPERM, unless: PERSONALITIES.map((one) => [is(0, one)]) },
  // It ends with the node, and cannot choose otherwise: no signal would undo that, and so would one that ends nothing.
  { call: "prctl", errno: EPERM, when: NOT_SIGKILL.map((one) => [is(0, PR_SET_PDEATHSIG), one]) },
];

const refused = (errno: number, ...calls: SystemCall[]): Rule[] =>
  calls.map((call) => ({ call, errno }));

const REFUSED: Rule[] = [
  // A program that can do without goes on without.
  ...refused(ENOSYS, "io_uring_setup", "io_uring_enter", "io_uring_register"),
  // Other processes.
  ...refused(EPERM, "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"),
  ...refused(EPERM, "process_madvise", "process_mrelease", "migrate_pages", "move_pages"),
  ...refused(EPERM, "perf_event_open"),
  // Another view of the system.
  ...refused(EPERM, "unshare", "setns", "chroot", "pivot_root", "mount", "umount2", "move_mount"),
  ...refused(EPERM, "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"),
  ...refused(EPERM, "listmount", "statmount", "name_to_handle_at", "open_by_handle_at"),
  ...refused(EPERM, "fanotify_init", "lookup_dcookie", "quotactl", "quotactl_fd"),
  // The kernel itself.
  ...refused(EPERM, "bpf", "userfaultfd", "add_key", "request_key", "keyctl", "syslog", "acct"),
  ...refused(EPERM, "init_module", "finit_module", "delete_module", "kexec_load", "reboot"),
  ...refused(EPERM, "kexec_file_load", "iopl", "ioperm", "modify_ldt", "uselib", "vhangup"),
  ...refused(EPERM, "settimeofday", "clock_settime", "clock_adjtime", "adjtimex"),
  ...refused(EPERM, "sethostname", "setdomainname", "swapon", "swapoff"),
  // Memory that outlives a process, or is counted for none.
  ...refused(EPERM, "shmget", "semget", "msgget", "mq_open", "memfd_secret"),
  // Those of others, by their number: Landlock knows none of them, and with a shared user their modes hold nobody back.
  ...refused(EPERM, "shmat", "shmctl", "semop", "semtimedop", "semctl", "msgsnd", "msgrcv"),
  ...refused(EPERM, "msgctl", "mq_unlink"),
  // Whoever opens a file under lease waits for its holder, up to 45 seconds; a file that may only be read can be leased.
  { call: "fcntl", errno: EACCES, when: [[is(1, F_SETLEASE)]] },
];

/**
 * Modes that an app may give to what it has open: its owner keeps the right to read and to pass, nobody else gets one to
 * write, and no program runs as its owner. What is open may be its own artifact, or the program that it runs, which
 * others need.
 */
const HARMLESS_MODE = [is(1, 0o500, 0o7522)];

/**
 * What the owner of a file may do to it wherever it lies: Landlock has no right for it. By an open descriptor most of it
 * stays possible, and Landlock says what may be opened.
 */
const OWNED: Rule[] = [
  // Copying a file sets its mode: nothing is said, and the copy keeps the mode that it was made with.
  { call: "fchmod", errno: 0, unless: [HARMLESS_MODE] },
  ...refused(EACCES, "chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat"),
  ...refused(EACCES, "utime", "utimes", "futimesat"),
  ...refused(EACCES, "setxattr", "lsetxattr", "setxattrat", "removexattr", "lremovexattr"),
  ...refused(EACCES, "removexattrat", "file_setattr"),
  // Without a path it is about a descriptor.
  { call: "utimensat", errno: EACCES, unless: [[is(1, 0), { ...is(1, 0), half: "high" }]] },
];
