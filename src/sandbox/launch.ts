/**
 * Starts a process whose rights are taken away before it executes anything: `launch.c` does it between vfork and exec,
 * because Landlock and seccomp hold for the thread that asks and for what it executes, not for threads there already are.
 *
 *   launch() ──▶ running ──exit──▶ `exited` resolves: it was waited for, and its number is free again
 *
 * The C is compiled by Bun's own compiler at the first launch, which takes about 10 ms; a launch itself holds our
 * thread for as long as `Bun.spawn` would.
 */
import { cc, type Pointer, ptr } from "bun:ffi";
import { constants } from "node:os";
import { join } from "node:path";
import { invariant } from "../base/errors.ts";
import { LibcError } from "./libc.ts";
import { endPollMs } from "./limits.ts";

/** Bounds that the kernel holds for each process; setrlimit(2). */
export const RLIMIT = {
  CPU: 0,
  FSIZE: 1,
  CORE: 4,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  MSGQUEUE: 12,
} as const;

export interface Rlimit {
  resource: (typeof RLIMIT)[keyof typeof RLIMIT];
  /** Soft and hard; ours, when that is lower. */
  max: number;
}

/** Rights for all that lies beneath a folder, or for one file; a path that is not there is left out. */
export interface PathRule {
  path: string;
  /** Bits of `FS` in `landlock.ts`. */
  access: bigint;
}

export interface PortRule {
  port: number;
  /** Bits of `NET` in `landlock.ts`. */
  access: bigint;
}

/** What Landlock holds a process to: whatever is handled and not allowed by a rule is refused. */
export interface Ruleset {
  /** Rights that are handled. */
  fs: bigint;
  net: bigint;
  scoped: bigint;
  /** Size of the attribute that this kernel knows. Bytes. */
  attributeBytes: number;
  /** Rights that make sense for a file. */
  fileAccess: bigint;
  paths: readonly PathRule[];
  ports: readonly PortRule[];
}

/** What a process gives up before it executes anything; everything it starts has given it up too. */
export interface Confinement {
  noNewPrivs: boolean;
  /** Null: none. */
  ruleset: Ruleset | null;
  /** A seccomp filter as `assemble` of `filter-program.ts` makes it; null: none. */
  filter: Uint8Array | null;
}

export interface LaunchPlan {
  /** The program's path; it is opened with our rights. */
  program: string;
  /** With the program's name as the first. */
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Working directory. */
  directory: string;
  /** Ours, which become 0, 1, 2 … of the child; no other is inherited. They stay open here. At most 16. */
  descriptors: readonly number[];
  /** Null: ours. */
  user: { uid: number; gid: number } | null;
  /** Mode bits that files it makes do not have. Default: all of others and of the group. */
  umask?: number;
  rlimits: readonly Rlimit[];
  confinement: Confinement;
}

export interface LaunchEnd {
  exitCode: number | null;
  signal: string | null;
}

export interface Launched {
  /** It leads a session and a process group of its own, and dies with our thread. */
  pid: number;
  /** Never rejects. */
  exited: Promise<LaunchEnd>;
}

/** @throws {LaunchError} which step failed, and why; nothing is left then. */
export function launch(plan: LaunchPlan): Launched {
  const { launch } = compiled();
  const request = new LaunchRequest(plan);
  const pid = Number(launch(request.pointer, process.pid));
  if (pid < 0) throw request.failure();
  return { pid, exited: endOf(pid, request.pidfd) };
}

/** A process could not be started. */
class LaunchError extends LibcError {
  /** Which step failed. */
  readonly stage: string;

  constructor(stage: string, errno: number) {
    super(`start a process: ${stage}`, errno);
    this.stage = stage;
  }
}

/** In the order of the enum in `launch.c`. */
const STAGES = [
  "fork",
  "lead a session",
  "arrange descriptors",
  "set a resource limit",
  "make a Landlock ruleset",
  "add a path to it",
  "add a port to it",
  "open the program",
  "change the user",
  "hear of our end",
  "enter its folder",
  "give up new privileges",
  "restrict itself",
  "load its seccomp filter",
  "execute the program",
  "watch for its end",
];

const descriptorsMax = 16;

/** Fields of `struct launch`, 8 bytes each, by their place. */
const FIELD = { stage: 22, error: 23, pidfd: 24, count: 25 } as const;

/** `struct launch` and what it points to, kept alive for the call. */
class LaunchRequest {
  readonly #fields = new BigInt64Array(FIELD.count);
  readonly #kept: NodeJS.TypedArray[] = [];

  constructor(plan: LaunchPlan) {
    const { descriptors, user, rlimits, confinement } = plan;
    const { ruleset, filter, noNewPrivs } = confinement;
    invariant(descriptors.length <= descriptorsMax, "a child is given few descriptors");
    const env = Object.entries(plan.env).map(([name, value]) => `${name}=${value}`);
    const fields = [
      this.#text(plan.program),
      this.#texts(plan.argv),
      this.#texts(env),
      this.#text(plan.directory),
      this.#numbers(descriptors.map(BigInt)),
      BigInt(descriptors.length),
      BigInt(user?.uid ?? -1),
      BigInt(user?.gid ?? -1),
      this.#numbers(rlimits.flatMap((one) => [one.resource, one.max].map(rlimitValue))),
      BigInt(rlimits.length),
      BigInt(ruleset?.attributeBytes ?? 0),
      ruleset?.fs ?? 0n,
      ruleset?.net ?? 0n,
      ruleset?.scoped ?? 0n,
      this.#numbers((ruleset?.paths ?? []).flatMap((one) => [this.#text(one.path), one.access])),
      BigInt(ruleset?.paths.length ?? 0),
      this.#numbers((ruleset?.ports ?? []).flatMap((one) => [one.access, BigInt(one.port)])),
      BigInt(ruleset?.ports.length ?? 0),
      ruleset?.fileAccess ?? 0n,
      noNewPrivs ? 1n : 0n,
      BigInt(plan.umask ?? 0o077),
      filter === null ? 0n : this.#filter(filter),
    ];
    this.#fields.set(fields);
  }

  get pointer(): Pointer {
    return ptr(this.#fields);
  }

  /** A descriptor of the process; who asks closes it. */
  get pidfd(): number {
    return Number(this.#fields[FIELD.pidfd]);
  }

  failure(): LaunchError {
    const stage = STAGES[Number(this.#fields[FIELD.stage])];
    invariant(stage !== undefined, "a launch fails in a step that has a name");
    return new LaunchError(stage, Number(this.#fields[FIELD.error]));
  }

  /** struct sock_fprog: the number of instructions of 8 bytes, and where they are. */
  #filter(program: Uint8Array): bigint {
    return this.#numbers([BigInt(program.byteLength / 8), this.#keep(program)]);
  }

  #texts(texts: readonly string[]): bigint {
    return this.#numbers([...texts.map((text) => this.#text(text)), 0n]);
  }

  #text(text: string): bigint {
    invariant(!text.includes("\0"), "no text for the kernel has a NUL in it");
    return this.#keep(Buffer.from(`${text}\0`));
  }

  #numbers(numbers: readonly bigint[]): bigint {
    return numbers.length === 0 ? 0n : this.#keep(BigInt64Array.from(numbers));
  }

  #keep(bytes: NodeJS.TypedArray): bigint {
    this.#kept.push(bytes);
    return BigInt(ptr(bytes));
  }
}

function rlimitValue(value: number): bigint {
  // RLIM_INFINITY is all ones.
  return value === Number.POSITIVE_INFINITY ? -1n : BigInt(value);
}

/**
 * Resolves when the process has ended, and takes its number out of the kernel's table. A pidfd becomes readable then; it
 * is no socket, so that Bun, which reads it, gets an error and closes it: the event we want, without a look at every child
 * for each SIGCHLD, which freezing and waking raise too.
 */
async function endOf(pid: number, pidfd: number): Promise<LaunchEnd> {
  const ended = Promise.withResolvers<void>();
  try {
    await Bun.connect({
      fd: pidfd,
      socket: { data: () => {}, close: () => ended.resolve(), error: () => {} },
    } as never);
  } catch {
    // It cannot be waited for, as without memory in the kernel: it is asked for.
    ended.resolve();
  }
  await ended.promise;
  let status = Number(compiled().reap(pid));
  for (; status === -1; status = Number(compiled().reap(pid))) await Bun.sleep(endPollMs);
  // Nobody else waits for our children.
  invariant(status !== -2, "an ended child is there until it is waited for");
  if (status < 1000) return { exitCode: status, signal: null };
  return { exitCode: null, signal: signalName(status - 1000) };
}

function signalName(number: number): string {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0] ?? `signal ${number}`;
}

function compile() {
  return cc({
    source: join(import.meta.dir, "launch.c"),
    symbols: {
      launch: { args: ["ptr", "i64"], returns: "i64" },
      reap: { args: ["i64"], returns: "i64" },
    },
  }).symbols;
}

let symbols: ReturnType<typeof compile> | undefined;

function compiled(): ReturnType<typeof compile> {
  symbols ??= compile();
  return symbols;
}
