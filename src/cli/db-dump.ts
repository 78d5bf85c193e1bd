/** `levain db dump` and `levain db restore`: a branch's database as one file. */
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import { appWords, dbApp, dbBranch, dbBranchNamed, textFlag } from "./db-words.ts";
import { usageError } from "./failure.ts";
import { dumpRestoreTimeoutMs } from "./limits.ts";
import { showBytes, showCount } from "./units.ts";
import type { Call, Outcome } from "./verb.ts";

/** To a file that is not there yet; one that ends with `.zst` is compressed, any other is plain SQL. */
export async function dump(call: Call): Promise<Outcome> {
  const app = await dbApp(call);
  const branch = dbBranch(call);
  const given = call.args[2] ?? `${app}-${branch.replaceAll("/", "-")}.sql.zst`;
  const path = resolve(call.io.cwd, given);
  if ((await stat(path).catch(() => null)) !== null) {
    throw usageError(`there is a file ${path} already`);
  }
  if ((await stat(dirname(path)).catch(() => null)) === null) {
    throw usageError(`there is no folder ${dirname(path)}`);
  }
  const signal = call.io.interrupt();
  const packed = call.client.download("databaseDump", { app, query: { branch }, signal });
  const bytes = await save(packed, path);
  return {
    data: { app, branch, path, bytes },
    next: [call.command(`levain db restore ${branch} ${path} --app ${app} --confirm ${branch}`)],
    text: () =>
      `${call.paint.green("✔")} the database of ${app} on ${branch} is in ${path} (${showBytes(bytes)})`,
  };
}

/** The file is there whole, or not at all. @returns its bytes */
async function save(packed: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const partial = `${path}.partial`;
  let bytes = 0;
  try {
    // All rows of somebody's database.
    await using file = await open(partial, "w", 0o600);
    for await (const piece of path.endsWith(".zst") ? packed : unpacked(packed)) {
      await file.writeFile(piece);
      bytes += piece.length;
    }
    await file.sync();
    await rename(partial, path);
    return bytes;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function* unpacked(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const zstd = createZstdDecompress();
  let cause: unknown = null;
  const unpacking = pipeline(Readable.from(packed, { objectMode: false }), zstd).catch((error) => {
    cause = error;
  });
  try {
    yield* zstd as AsyncIterable<Uint8Array>;
    await unpacking;
  } finally {
    zstd.destroy();
  }
  if (cause !== null) throw cause;
}

/** What the branch has now is lost, when all of the file is there. */
export async function restore(call: Call): Promise<Outcome> {
  const app = await dbApp(call);
  const branch = dbBranchNamed(call, "restore");
  const [, , file] = call.args;
  if (file === undefined) throw usageError("say which file: `levain db restore <branch> <file>`");
  const path = resolve(call.io.cwd, file);
  if ((await stat(path).catch(() => null)) === null) throw usageError(`there is no file ${path}`);
  const body = Bun.file(path);
  const data = await call.client.call("databaseRestore", {
    app,
    query: { branch, confirm: textFlag(call, "confirm") },
    body: body.stream(),
    signal: call.io.interrupt(),
    answerTimeoutMs: dumpRestoreTimeoutMs,
  });
  return {
    data: { ...data, path, bytes: body.size },
    next: [call.command(`levain db psql ${branch}${appWords(call)}`)],
    text: () =>
      `${call.paint.green("✔")} the database of ${app} on ${branch} is what ${path} has (${showCount(data.tables, "table")})`,
  };
}
