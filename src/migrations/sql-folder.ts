/** Reads a folder of migrations from a kit: plain files only, within bounds. */
import { constants } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { migrationFileBytesMax, migrationFilesMax, migrationFolderBytesMax } from "./limits.ts";
import {
  isMigrationPath,
  MigrationProblem,
  readMigrations,
  type SqlFile,
  type SqlMigration,
} from "./sql-file.ts";

/**
 * @param name of the folder, for messages
 * @throws {PlatformError} `MIGRATION_INVALID`
 */
export async function readSqlFolder(folder: string, name: string): Promise<SqlMigration[]> {
  try {
    const files: SqlFile[] = [];
    let bytes = 0;
    const paths = await migrationPaths(folder);
    if (paths.length > migrationFilesMax) {
      throw new MigrationProblem(
        "",
        `it has ${paths.length} files, at most ${migrationFilesMax} are read`,
      );
    }
    for (const path of paths) {
      const text = await readText(join(folder, path), path);
      bytes += text.length;
      if (bytes > migrationFolderBytesMax) {
        throw new MigrationProblem("", `its files have more than ${migrationFolderBytesMax} bytes`);
      }
      files.push({ path, text });
    }
    return readMigrations(files);
  } catch (error) {
    if (!(error instanceof MigrationProblem)) throw error;
    const file = error.file === "" ? name : `${name}/${error.file}`;
    throw new PlatformError("MIGRATION_INVALID", [file, error.message]);
  }
}

/** Sorted, so that whatever is found wrong first is so each time. */
async function migrationPaths(folder: string): Promise<string[]> {
  const paths: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => {
    throw new MigrationProblem("", "there is no such folder");
  });
  for (const entry of entries) {
    if (entry.isDirectory()) {
      const inner = await readdir(join(folder, entry.name), { withFileTypes: true });
      const found = inner.some((file) => file.isFile() && file.name === "migration.sql");
      if (found) paths.push(`${entry.name}/migration.sql`);
    } else if (entry.isFile() && isMigrationPath(entry.name)) paths.push(entry.name);
  }
  return paths.sort();
}

async function readText(path: string, name: string): Promise<string> {
  await using file = await open(
    path,
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  );
  const facts = await file.stat();
  if (!facts.isFile()) throw new MigrationProblem(name, "it is no plain file");
  if (facts.size > migrationFileBytesMax) {
    throw new MigrationProblem(
      name,
      `it has ${facts.size} bytes, at most ${migrationFileBytesMax} are read; load data in another way`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await file.readFile());
  } catch {
    throw new MigrationProblem(name, "it is not UTF-8");
  }
}
