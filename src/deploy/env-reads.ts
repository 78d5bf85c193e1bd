/**
 * Environment values that nothing in an artifact can read, because their name stands nowhere in it: probably a word that
 * was mistyped, or left over. A name that is put together while the app runs cannot be found, so this is worth a warning
 * and no more.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { readScanBytesMax, readScanFileBytesMax } from "./limits.ts";

/** Read by Bun and by what it runs, or by frameworks that put names together. */
const READ_ANYWAY =
  /^(NODE_|BUN_|LC_|PG|AWS_|S3_|OTEL_|NUXT_|NITRO_|VITE_|(TZ|LANG|PORT|HOST|HOSTNAME|ORIGIN|DEBUG|NO_COLOR|FORCE_COLOR|DATABASE_URL|POSTGRES_URL|MYSQL_URL|REDIS_URL|VALKEY_URL|SSL_CERT_FILE|SSL_CERT_DIR|(NO|HTTPS?|ALL)_PROXY)$)/i;

/** What says nothing about what is read. */
const NOT_LOOKED_AT =
  /^levain\.config\.|^levain-env-schemas\.js$|\.(map|md|d\.ts)$|^bun\.lock|lock\.(json|yaml)$/;

/**
 * Names that stand in none of the files; none when there is more than can be looked through.
 *
 * @param folder of what becomes the artifact
 */
export async function namesNowhere(folder: string, names: Iterable<string>): Promise<string[]> {
  const left = new Set([...names].filter((name) => !READ_ANYWAY.test(name)));
  let bytesLeft = readScanBytesMax;
  const pending = [folder];
  for (let path = pending.pop(); path !== undefined && left.size > 0; path = pending.pop()) {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const inside = join(path, entry.name);
      if (entry.isDirectory()) pending.push(inside);
      // Links lead to what is looked at by itself, or out of the folder.
      if (!entry.isFile() || NOT_LOOKED_AT.test(entry.name)) continue;
      const { size } = await stat(inside);
      if (size > readScanFileBytesMax) continue;
      bytesLeft -= size;
      if (bytesLeft < 0) return [];
      const text = await readFile(inside);
      for (const name of left) if (text.includes(name)) left.delete(name);
    }
  }
  return [...left].sort();
}
