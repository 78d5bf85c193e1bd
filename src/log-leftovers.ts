/** Which apps have logs on disk, and since when nothing was written to them. Names that no app can have are left alone. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { appNameProblem } from "./deploy/names.ts";

/** @param folders each holds a folder per app; missing ones are empty */
export async function listLogs(
  folders: readonly string[],
): Promise<{ app: string; writtenAtMs: number }[]> {
  const written = new Map<string, number>();
  for (const folder of folders) {
    for (const app of await readdir(folder).catch(() => [])) {
      if (appNameProblem(app) !== null) continue;
      const times = await Promise.all(
        (await readdir(join(folder, app)).catch(() => [])).map(
          async (file) => (await stat(join(folder, app, file)).catch(() => null))?.mtimeMs ?? 0,
        ),
      );
      written.set(app, Math.max(written.get(app) ?? 0, ...times));
    }
  }
  return [...written].map(([app, writtenAtMs]) => ({ app, writtenAtMs }));
}
