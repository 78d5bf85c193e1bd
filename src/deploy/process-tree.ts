/**
 * The processes of one build: the child, what it started, and what left it (another session, a parent that ended).
 * A process belongs to a build when it descends from its child, when it carries the build's mark in its environment, when
 * it works in the build's folder, or when it runs as the build's own user. Where builds have the node's user, one that has
 * shed all of that is still known by a bound that it cannot raise again.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { killProcess } from "../sandbox/process-group.ts";
import { killRoundMs, killRoundsMax } from "./limits.ts";

/** Environment variable that every process of a build inherits; its value is the build's folder. */
export const BUILD_MARK = "LEVAIN_BUILD_DIR";

interface ProcessFacts {
  pid: number;
  parentPid: number;
  session: number;
  state: string;
  /** With the pid it names one process for good: pids are used again. */
  startTicks: number;
}

/** Keeps track of a child and everything that came from it, also after its parents have ended. */
export class ProcessTree {
  readonly #known = new Map<number, number>();
  readonly #leaderPid: number;
  /** When the child started; nothing older is of its build. */
  readonly startTicks: number;

  /** @param leaderPid leader of its own session */
  constructor(leaderPid: number) {
    this.#leaderPid = leaderPid;
    const facts = readFacts(leaderPid);
    this.startTicks = facts?.startTicks ?? 0;
    if (facts !== null) this.#known.set(leaderPid, facts.startTicks);
  }

  /**
   * Looks at the tree as it is now. Cheap enough for a few times a second.
   *
   * @returns private memory of all its processes together, in bytes
   */
  memoryBytes(): number {
    this.#refresh();
    let bytes = 0;
    for (const pid of this.#known.keys()) bytes += privateBytes(pid);
    return bytes;
  }

  /** Processes in it at the last look. Count. */
  get processes(): number {
    return this.#known.size;
  }

  /** Whether this very process has been seen in the tree. */
  has(pid: number): boolean {
    const startTicks = this.#known.get(pid);
    return startTicks !== undefined && readFacts(pid)?.startTicks === startTicks;
  }

  #refresh(): void {
    const all = readAllFacts();
    for (const [pid, startTicks] of this.#known) {
      if (all.get(pid)?.startTicks !== startTicks) this.#known.delete(pid);
    }
    for (let hasGrown = true; hasGrown; ) {
      hasGrown = false;
      for (const { pid, parentPid, session, startTicks } of all.values()) {
        if (this.#known.has(pid)) continue;
        // A session keeps its leader's pid, also when the leader has ended.
        const isInSession = session === this.#leaderPid || this.#known.has(session);
        if (!isInSession && !this.#known.has(parentPid)) continue;
        this.#known.set(pid, startTicks);
        hasGrown = true;
      }
    }
  }
}

/**
 * Kills every process of a build, in rounds until none is left: what forks while it is being killed is in the next
 * round. Processes that left nothing to know them by (no mark, another folder, never seen) are not found.
 *
 * @param buildDir the build's folder; a folder above kills the builds of all apps in it
 * @param tree of the build's child; without it only the mark counts
 * @param uid user of the build alone, whose processes are all of the build; null when it has none
 * @returns how many were killed
 */
export async function killBuild(
  buildDir: string,
  tree: ProcessTree | null = null,
  uid: number | null = null,
): Promise<number> {
  const killed = new Set<string>();
  for (let round = 0; round < killRoundsMax; round += 1) {
    tree?.memoryBytes();
    const found = [...readAllFacts().values()].filter(
      (facts) => isOfBuild(facts, buildDir, tree, uid) || (uid !== null && isAliveAs(facts, uid)),
    );
    if (found.length === 0) break;
    for (const { pid, startTicks } of found) {
      try {
        process.kill(pid, "SIGKILL");
        killed.add(`${pid} ${startTicks}`);
      } catch {
        // It ended by itself.
      }
    }
    // A large process takes a while to be taken apart.
    await Bun.sleep(killRoundMs);
  }
  return killed.size;
}

function isOfBuild(
  facts: ProcessFacts,
  buildDir: string,
  tree: ProcessTree | null,
  uid: number | null,
): boolean {
  const { pid, state, startTicks } = facts;
  if (state === "Z" || state === "X" || pid === process.pid) return false;
  if (tree === null) return carriesMark(pid, buildDir);
  if (startTicks < tree.startTicks) return false;
  return (
    tree.has(pid) ||
    carriesMark(pid, buildDir) ||
    worksIn(pid, buildDir) ||
    (uid === null && isNamelessBuild(pid, buildDir))
  );
}

/** Steps that run, by their trees; the value is the build's folder. */
const running = new Map<ProcessTree, string>();

/** Notes that a step runs, so that the end of another one leaves its processes alone. Dispose when it has ended. */
export function noteRunning(tree: ProcessTree, buildDir: string): Disposable {
  running.set(tree, buildDir);
  return { [Symbol.dispose]: () => void running.delete(tree) };
}

/** Of a build, by a bound that only builds have, and not of one that runs. */
function isNamelessBuild(pid: number, buildDir: string): boolean {
  try {
    const limits = readFileSync(`/proc/${pid}/limits`, "latin1");
    if (!/^Max msgqueue size +0 +0 /m.test(limits) || userOf(pid) !== process.getuid?.())
      return false;
  } catch {
    return false;
  }
  const others = [...running].filter(([, dir]) => dir !== buildDir);
  if (others.some(([tree]) => tree.has(pid))) return false;
  const mark = markOf(pid);
  if (mark === null) return true;
  // Anybody can write a name into an environment: of this node's builds it has to be one that runs.
  const isOurs = isWithin(mark, dirname(buildDir));
  return isOurs ? !others.some(([, dir]) => isWithin(mark, dir)) : !existsSync(join(mark, "out"));
}

/** By the user that it really is, which nothing it does to itself changes. */
function isAliveAs({ pid, state }: ProcessFacts, uid: number): boolean {
  return state !== "Z" && state !== "X" && userOf(pid) === uid;
}

/** Kills what runs as one of these users, in rounds until none is left. For builds of a node that was killed. */
export async function killUsers(isTheirs: (uid: number) => boolean): Promise<number> {
  let killed = 0;
  for (let round = 0; round < killRoundsMax; round += 1) {
    const found = [...readAllFacts().values()].filter(({ pid, state }) => {
      const uid = state === "Z" || state === "X" ? null : userOf(pid);
      return uid !== null && isTheirs(uid);
    });
    if (found.length === 0) break;
    for (const { pid } of found) killProcess(pid);
    killed += found.length;
    await Bun.sleep(killRoundMs);
  }
  return killed;
}

/** Real user id, or null when it is gone. The owner of /proc/<pid> is another one for a process that hides. */
function userOf(pid: number): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN);
  } catch {
    return null;
  }
}

function carriesMark(pid: number, buildDir: string): boolean {
  const mark = markOf(pid);
  return mark !== null && isWithin(mark, buildDir);
}

/** The folder that its environment names; null without one, or when it cannot be looked at. */
function markOf(pid: number): string | null {
  try {
    const environ = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
    const mark = environ.find((entry) => entry.startsWith(`${BUILD_MARK}=`));
    return mark?.slice(BUILD_MARK.length + 1) ?? null;
  } catch {
    return null;
  }
}

function worksIn(pid: number, buildDir: string): boolean {
  try {
    return isWithin(readlinkSync(`/proc/${pid}/cwd`), buildDir);
  } catch {
    return false;
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function readAllFacts(): Map<number, ProcessFacts> {
  const all = new Map<number, ProcessFacts>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const facts = readFacts(Number(name));
    if (facts !== null) all.set(facts.pid, facts);
  }
  return all;
}

function readFacts(pid: number): ProcessFacts | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold anything; the fields after it are numbers.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state = "", parentPid, , session] = fields;
    return {
      pid,
      parentPid: Number(parentPid),
      session: Number(session),
      state,
      startTicks: Number(fields[19]),
    };
  } catch {
    return null;
  }
}

/** Memory that is the process's own, also what was swapped out. */
function privateBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const kilobytes = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
    return (kilobytes("RssAnon") + kilobytes("RssShmem") + kilobytes("VmSwap")) * 1024;
  } catch {
    return 0;
  }
}
