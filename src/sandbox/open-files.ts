/** How many descriptors this process may have open. */
import { type SystemFiles, systemFiles } from "./system-files.ts";

/** Its hard limit, to which Bun raises the soft one when it starts. Count; infinite when there is none. */
export function openFilesMax({ read }: Pick<SystemFiles, "read"> = systemFiles): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(read("/proc/self/limits") ?? "")?.[1];
  return hard === undefined || hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
}
