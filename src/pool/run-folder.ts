/**
 * The folder of one process: its home, its temporary files and its socket, and a note of which process it is, so that a
 * node which was killed leaves nothing behind for good.
 *
 *   run/<instance>/home/  tmp/           the app's own; nobody else may look
 *                  io/app.sock           for upgraded connections
 *                  app/                  links to the files of an artifact, for a process that was a spare
 *                  process.json          the note
 */
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootId, pidsByVariable, processStartTicks } from "../sandbox/process-facts.ts";
import { killGroup, killProcess } from "../sandbox/process-group.ts";
import { removeFolder } from "../sandbox/remove-folder.ts";
import { SharedLook } from "../sandbox/shared-look.ts";

export interface RunFolder {
  path: string;
  home: string;
  tmp: string;
  io: string;
  app: string;
  socketPath: string;
}

/**
 * @param uid user of the process, who may pass through `runDir`; null: ours
 * @throws when the disk does not take it; what was made of it is being removed then
 */
export function makeRunFolder(runDir: string, instanceId: string, uid: number | null): RunFolder {
  const folder = runFolder(join(runDir, instanceId));
  try {
    mkdirSync(folder.path, { recursive: true, mode: 0o711 });
    for (const own of [folder.home, folder.tmp, folder.io]) {
      mkdirSync(own, { mode: 0o700 });
      if (uid !== null) chownSync(own, uid, uid);
    }
    mkdirSync(folder.app);
    // Whatever our umask says, it may pass; it may not look around.
    if (uid !== null) {
      chmodSync(folder.path, 0o711);
      chmodSync(folder.app, 0o755);
    }
  } catch (error) {
    void removeRunFolder(folder);
    throw error;
  }
  return folder;
}

/** Notes which process uses the folder; it leads its own process group, and `TMPDIR` is the folder's. */
export function claimRunFolder(folder: RunFolder, pid: number): void {
  const note: Note = { pid, startTicks: processStartTicks(pid), bootId: bootId() };
  writeFileSync(join(folder.path, "process.json"), JSON.stringify(note), { mode: 0o600 });
}

/** Instances that end together share a look at all processes of the machine. */
const processes = new SharedLook(() => pidsByVariable("TMPDIR"));

/**
 * Ends what the app left running, also outside of its process group, and removes the folder with all the app left in it.
 * Never rejects: what cannot be removed now is tried again when a node starts. Twice is safe.
 */
export async function removeRunFolder(folder: RunFolder): Promise<void> {
  try {
    // One that forks while it is looked for is found in the next round.
    for (let round = 0; round < 10; round++) {
      const pids = (await processes.ask()).get(folder.tmp) ?? [];
      if (pids.length === 0) break;
      for (const pid of pids) killProcess(pid);
    }
    await removeFolder(folder.path);
  } catch {
    // By its name what may still run in it is found at the next start.
  }
}

/**
 * Ends the processes and removes the folders that a killed node left. It looks for them before it returns, so that
 * folders made later are safe.
 *
 * @returns how many folders there were. Never rejects.
 * @throws when `runDir` cannot be made or read
 */
export function sweepRunFolders(runDir: string): Promise<number> {
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  const folders = readdirSync(runDir).map((name) => runFolder(join(runDir, name)));
  for (const folder of folders) {
    const note = readNote(folder.path);
    if (note !== null && isSameGroup(note)) killGroup(note.pid);
  }
  return Promise.all(folders.map(removeRunFolder)).then(() => folders.length);
}

interface Note {
  pid: number;
  startTicks: number | null;
  bootId: string;
}

/** Whether the group that the noted process led is the one that has its number now. */
function isSameGroup(note: Note): boolean {
  if (note.bootId !== bootId()) return false;
  const startTicks = processStartTicks(note.pid);
  // A number is not given to a new process as long as a group goes by it, so a group without its leader is the old one.
  return startTicks === null || startTicks === note.startTicks;
}

function readNote(path: string): Note | null {
  try {
    const note = JSON.parse(readFileSync(join(path, "process.json"), "utf8"));
    return Number.isInteger(note.pid) && note.pid > 1 ? note : null;
  } catch {
    return null;
  }
}

function runFolder(path: string): RunFolder {
  return {
    path,
    home: join(path, "home"),
    tmp: join(path, "tmp"),
    io: join(path, "io"),
    app: join(path, "app"),
    socketPath: join(path, "io", "app.sock"),
  };
}
