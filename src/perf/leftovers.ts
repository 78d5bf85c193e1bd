/**
 * What must not outlive this process when it ends in the middle, by a signal: temporary folders and child processes.
 * Without waiting for anything, since nothing can be waited for then.
 */
import { existsSync, rmSync } from "node:fs";
import { removePauseMs, removeTriesMax } from "./limits.ts";

interface Child {
  kill(signal: "SIGKILL"): void;
}

const folders = new Set<string>();
const children = new Set<Child>();
let isListening = false;

/** Ends the child at our own end, and what it has started with it (`--no-orphans`). @returns takes it back. */
export function killAtExit(child: Child): () => void {
  listen();
  children.add(child);
  return () => children.delete(child);
}

/** Removes the folder at our own end, after the children. @returns takes it back. */
export function removeAtExit(path: string): () => void {
  listen();
  folders.add(path);
  return () => folders.delete(path);
}

function listen(): void {
  if (isListening) return;
  isListening = true;
  process.on("exit", () => {
    for (const child of children) child.kill("SIGKILL");
    // A child that was told to end may write a last file meanwhile, so gone counts only when it stays so.
    for (let clean = 0, tries = 0; clean < 2 && tries < removeTriesMax; tries++) {
      clean = [...folders].filter(remove).length === 0 ? clean + 1 : 0;
      if (clean < 2) Bun.sleepSync(removePauseMs);
    }
  });
}

/** @returns whether there was something to remove. */
function remove(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // There is nobody left to tell; the next try may do.
  }
  return true;
}
