/**
 * Starts the process that a runner runs in: its folder, the ends of its wires and outputs, and what it is held to.
 *
 * Descriptors of the process: 0 nothing, 1 and 2 what it prints, 3 the wire, 4 where it is handed more wires.
 */
import { closeSync, openSync } from "node:fs";
import { dirname } from "node:path";
import {
  appConfinement,
  type ConfinementFacts,
  confinementFacts,
  type Grants,
} from "../sandbox/app-confinement.ts";
import { type LaunchEnd, launch, RLIMIT, type Rlimit } from "../sandbox/launch.ts";
import { OutputPipes } from "../sandbox/output-pipes.ts";
import { killGroup } from "../sandbox/process-group.ts";
import { socketPair } from "../wire/descriptors.ts";
import { connectPorts, type Profile } from "./profile.ts";
import { claimRunFolder, makeRunFolder, type RunFolder, removeRunFolder } from "./run-folder.ts";
import type { RunnerSandbox } from "./runner-sandbox.ts";

export interface RunnerLaunchOptions {
  id: string;
  /** Parent of the run folders. */
  runDir: string;
  /** The Bun that the process runs on. Default: the node's own. */
  program?: string;
  /** Module that the process runs. */
  runnerPath: string;
  /** Whether it can be given more wires, for edges in processes of their own. */
  takesWires: boolean;
  sandbox: RunnerSandbox;
  profile: Profile;
  /** App that it is started for; null for a spare. */
  app: string | null;
  /** Folder of the artifact, when it is known already; otherwise it will be in the run folder's `app`. */
  artifact: string | null;
}

/** What an instance was really given. */
export interface SandboxFacts extends ConfinementFacts {
  /** User id of its processes. */
  uid: number;
  /** Group id: the user's own, or the app's when it may write to folders of the machine. */
  gid: number;
  /** TCP ports that it may connect to; null: any. */
  connectPorts: number[] | null;
  listen: boolean;
  udp: boolean;
  read: readonly string[];
  write: readonly string[];
  rlimits: readonly Rlimit[];
}

export interface LaunchedRunner {
  pid: number;
  folder: RunFolder;
  /** Never rejects. */
  exited: Promise<LaunchEnd>;
  /** Who reads them closes them. */
  outputs: OutputPipes;
  /** Our end; who takes it closes it. */
  wire: number;
  /** Our end of the socket for more wires, which the caller closes; null when it takes none. */
  wires: number | null;
  sandbox: SandboxFacts;
  /** What the sandbox asks of the environment, also of what the app starts. */
  env: Record<string, string>;
  /** Nothing of it is left: its user may be given to another. Called once. */
  release(): void;
}

/** @throws when the process cannot be started; nothing of it is left then, or it is being removed. */
export function launchRunner(options: RunnerLaunchOptions): LaunchedRunner {
  const { users } = options.sandbox;
  const uid = users?.take() ?? null;
  const release = () => uid !== null && users?.release(uid);
  const opened: number[] = [];
  const keep = <Ends extends number[]>(ends: Ends): Ends => {
    opened.push(...ends);
    return ends;
  };
  let folder: RunFolder | null = null;
  let outputs: OutputPipes | null = null;
  let launched: ReturnType<typeof launch> | null = null;
  try {
    folder = makeRunFolder(options.runDir, options.id, uid);
    const [nothing] = keep([openSync("/dev/null", "r")] as [number]);
    outputs = new OutputPipes();
    const [wire, wireEnd] = keep(socketPair());
    const [wires, wiresEnd] = options.takesWires ? keep(socketPair()) : [null, null];
    const grants = grantsOf(options, folder);
    const sandbox = sandboxFacts(options, grants, uid);
    const env = resolverEnv(sandbox);
    const more = wiresEnd === null ? [] : [wiresEnd];
    launched = launch({
      program: programOf(options),
      argv: ["bun", "--no-install", "--no-env-file", "--no-orphans", options.runnerPath],
      env: {
        PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
        HOME: folder.home,
        TMPDIR: folder.tmp,
        LANG: process.env["LANG"] ?? "C.UTF-8",
        ...env,
      },
      directory: folder.tmp,
      descriptors: [nothing, ...outputs.ends, wireEnd, ...more],
      user: uid === null ? null : { uid, gid: sandbox.gid },
      // What it makes in folders of the machine is for the next process of the app too.
      ...(uid === null || sandbox.gid === uid ? {} : { umask: 0o007 }),
      rlimits: sandbox.rlimits,
      confinement: appConfinement(options.sandbox.kernel, grants),
    });
    claimRunFolder(folder, launched.pid);
    outputs.closeEnds();
    for (const end of [nothing, wireEnd, ...more]) closeSync(end);
    return { ...launched, folder, outputs, wire, wires, sandbox, env, release };
  } catch (error) {
    // A full disk fails the folder, or the note of who uses it; a process must not outlive that unseen.
    if (launched !== null) killGroup(launched.pid);
    outputs?.close();
    for (const end of opened) closeSync(end);
    void Promise.resolve(launched?.exited)
      .then(() => folder && removeRunFolder(folder))
      .then(release);
    throw error;
  }
}

function programOf({ program = process.execPath }: RunnerLaunchOptions): string {
  return program;
}

/** Each of its processes has them. @param uid null: others have its user too */
function rlimitsOf(
  { openFilesMax, processesMax, diskBytesMax }: Profile["bounds"],
  uid: number | null,
): Rlimit[] {
  const bounds: Rlimit[] = [
    // What a crash would write down may hold secrets, and fills the disk.
    { resource: RLIMIT.CORE, max: 0 },
    { resource: RLIMIT.NOFILE, max: openFilesMax },
    { resource: RLIMIT.FSIZE, max: diskBytesMax },
  ];
  // The kernel counts them by user, before it asks the cgroup, and does not say that it refused: so one more than there.
  return uid === null ? bounds : [...bounds, { resource: RLIMIT.NPROC, max: processesMax + 1 }];
}

function grantsOf(options: RunnerLaunchOptions, folder: RunFolder): Grants {
  const { runnerPath, profile, artifact, sandbox } = options;
  const { permissions, level } = profile;
  return {
    level,
    read: [programOf(options), runnerFolder(runnerPath), artifact ?? folder.app],
    write: [folder.home, folder.tmp, folder.io, ...permissions.write],
    connectPorts: connectPorts(permissions, sandbox.databasePort),
    listen: permissions.listen,
    udp: permissions.udp,
    isUserShared: sandbox.isUserShared,
  };
}

/** Without datagrams, names are asked for over TCP; resolv.conf(5). */
function resolverEnv({ udp }: SandboxFacts): Record<string, string> {
  return udp ? {} : { RES_OPTIONS: "use-vc" };
}

/** A bundle stands alone; the modules that it is made of use those of the folders beside theirs. */
export function runnerFolder(runnerPath: string): string {
  const folder = dirname(runnerPath);
  return runnerPath.endsWith(".ts") ? dirname(folder) : folder;
}

function groupOf({ sandbox, profile, app }: RunnerLaunchOptions, uid: number | null): number {
  if (uid === null) return process.getgid?.() ?? -1;
  const sharesFiles = app !== null && profile.permissions.write.length > 0;
  return sharesFiles ? sandbox.users!.groupOf(app) : uid;
}

function sandboxFacts(
  options: RunnerLaunchOptions,
  grants: Grants,
  uid: number | null,
): SandboxFacts {
  const { sandbox, profile } = options;
  const facts = confinementFacts(sandbox.kernel, grants);
  return {
    ...facts,
    uid: uid ?? process.getuid?.() ?? -1,
    gid: groupOf(options, uid),
    connectPorts: facts.holdsTcp ? [...grants.connectPorts] : null,
    listen: grants.listen || !facts.holdsTcp,
    udp: grants.udp || !facts.holdsTcp,
    read: grants.read,
    write: grants.write,
    rlimits: rlimitsOf(profile.bounds, uid),
  };
}
