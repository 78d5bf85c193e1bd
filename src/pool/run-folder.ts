/**
 * The folder of one process: its home, its temporary files and its socket, and a note of which process it is, so that a
 * node which was killed leaves nothing behind for good.
 *
 *   run/<instance>/home   run/<instance>/tmp   run/<instance>/app.sock   run/<instance>/process.json
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processStartTicks } from "../sandbox/process-facts.ts";
import { killGroup } from "../sandbox/process-group.ts";

export interface RunFolder {
  path: string;
  home: string;
  tmp: string;
  socketPath: string;
}

export function makeRunFolder(runDir: string, instanceId: string): RunFolder {
  const path = join(runDir, instanceId);
  const folder = {
    path,
    home: join(path, "home"),
    tmp: join(path, "tmp"),
    socketPath: join(path, "app.sock"),
  };
  mkdirSync(folder.home, { recursive: true, mode: 0o700 });
  mkdirSync(folder.tmp, { mode: 0o700 });
  return folder;
}

/** Notes which process uses the folder. */
export function claimRunFolder(folder: RunFolder, pid: number): void {
  const note = { pid, startTicks: processStartTicks(pid) };
  writeFileSync(join(folder.path, "process.json"), JSON.stringify(note));
}

/** Removes the folder with all the app left in it. Twice is safe. */
export function removeRunFolder(folder: RunFolder): void {
  rmSync(folder.path, { recursive: true, force: true });
}

/**
 * Ends the processes and removes the folders that a killed node left. Call it before any instance is started.
 *
 * @returns how many processes were still running.
 */
export function sweepRunFolders(runDir: string): number {
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  let ended = 0;
  for (const name of readdirSync(runDir)) {
    const path = join(runDir, name);
    const note = readNote(path);
    // A pid is used again; the start time tells whether this is still the process we mean.
    if (note !== null && processStartTicks(note.pid) === note.startTicks) {
      killGroup(note.pid);
      ended += 1;
    }
    rmSync(path, { recursive: true, force: true });
  }
  return ended;
}

function readNote(path: string): { pid: number; startTicks: number } | null {
  try {
    const note = JSON.parse(readFileSync(join(path, "process.json"), "utf8"));
    return Number.isInteger(note.pid) && note.pid > 1 && Number.isInteger(note.startTicks)
      ? note
      : null;
  } catch {
    return null;
  }
}
