/** Files of /proc and /sys as they are asked for by what decides about a machine; a test gives others. */
import { accessSync, constants, readFileSync } from "node:fs";

export interface SystemFiles {
  /** Text of a file, or null when it cannot be read. */
  read(path: string): string | null;
  /** Whether this process may write to a file or folder. */
  canWrite(path: string): boolean;
}

/** Those of this machine. */
export const systemFiles: SystemFiles = {
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return null;
    }
  },
  canWrite(path) {
    try {
      accessSync(path, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  },
};
