/**
 * `databases.json`: what a node needs to connect its apps before the store answers, as the route table is what it needs to
 * serve them. Passwords are in it as the store has them, sealed.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { z } from "zod";
import { DATABASE_ORIGINS } from "../base/database-spec.ts";
import { databaseSpecSchema } from "../base/database-spec-schema.ts";
import type { StoredDatabase } from "../store/branch-databases.ts";

const count = z.number().nonnegative();

const storedDatabase = z.object({
  name: z.string(),
  app: z.string(),
  branch: z.string(),
  parent: z.string().nullable(),
  origin: z.enum(DATABASE_ORIGINS),
  role: z.string(),
  sealed: z.string(),
  serverDatabase: z.string().nullable(),
  spec: databaseSpecSchema,
  mask: z.string().nullable(),
  isReadOnly: z.boolean(),
  isOver: z.boolean(),
  bytes: count.nullable(),
  note: z.string().nullable(),
  createdAtMs: z.number(),
  usedAtMs: z.number(),
}) satisfies z.ZodType<StoredDatabase>;

const fileSchema = z.object({ databases: z.array(storedDatabase) });

/** Empty when there is none, or it cannot be read: the store has all of it. */
export async function readConnections(path: string): Promise<StoredDatabase[]> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(path, "utf8"))).databases;
  } catch {
    return [];
  }
}

/** Whole or not at all, and on the disk when it resolves. */
export async function writeConnections(
  path: string,
  databases: readonly StoredDatabase[],
): Promise<void> {
  const unfinished = `${path}.unfinished`;
  await writeFile(unfinished, `${JSON.stringify({ databases }, null, 2)}\n`, {
    mode: 0o600,
    flush: true,
  });
  await rename(unfinished, path);
}
