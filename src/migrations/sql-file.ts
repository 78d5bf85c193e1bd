/**
 * A folder of SQL files as a list of migrations: which files count, in which order, and what each says of itself. Pure.
 *
 *   0001_orders.sql  20260102_names.sql  add-index.sql       in a folder
 *   20260102_init/migration.sql                              in a folder each, as Prisma has them
 *
 * Order is by the number that a name begins with, as a number, then by name. Files that undo (`*.down.sql`) are not run.
 */
import { createHash } from "node:crypto";
import { hasTransactionControl, splitStatements } from "./statements.ts";

export interface SqlMigration {
  /** Path in the folder, without `.sql`: `0001_orders`. */
  name: string;
  sql: string;
  /** sha256 of the text, line ends as on Unix: a checkout on another system is no change. 64 hex digits. */
  checksum: string;
  /** Whether it is run in a transaction of its own, with the note that it was. */
  isTransactional: boolean;
}

export interface SqlFile {
  /** Path in the folder, with `/`. */
  path: string;
  text: string;
}

/** Whether a path in the folder is a migration. */
export function isMigrationPath(path: string): boolean {
  if (path.endsWith(".down.sql")) return false;
  return /^[^/]+\.sql$/.test(path) || /^[^/]+\/migration\.sql$/.test(path);
}

/**
 * @returns in the order in which they are applied
 * @throws {MigrationProblem} for a file that cannot be run as it is
 */
export function readMigrations(files: readonly SqlFile[]): SqlMigration[] {
  const migrations = files.filter(({ path }) => isMigrationPath(path)).map(readMigration);
  const sorted = migrations.sort((left, right) => compareNames(left.name, right.name));
  for (const [index, { name }] of sorted.entries()) {
    if (sorted[index + 1]?.name === name) throw new MigrationProblem(name, "there are two of it");
  }
  return sorted;
}

/** What is wrong with a file, in words; becomes `MIGRATION_INVALID`. */
export class MigrationProblem extends Error {
  override readonly name = "MigrationProblem";
  readonly file: string;

  constructor(file: string, problem: string) {
    super(problem);
    this.file = file;
  }
}

/** By the number that both begin with, then by name. Names without a number come last. */
export function compareNames(left: string, right: string): number {
  const [first, second] = [numberOf(left), numberOf(right)];
  if (first !== second) return first < second ? -1 : 1;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Infinity for none. Timestamps with 17 digits are beyond what a number holds exactly. */
function numberOf(name: string): number | bigint {
  const [digits] = /^\d+/.exec(name) ?? [];
  return digits === undefined ? Number.POSITIVE_INFINITY : BigInt(digits);
}

function readMigration({ path, text }: SqlFile): SqlMigration {
  // A byte order mark is what some editors begin a file with; PostgreSQL calls it a syntax error.
  const sql = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  const directives = [...sql.matchAll(/^--[ \t]*levain:(.*)$/gm)].map(([, text = ""]) =>
    text.trim(),
  );
  const isTransactional = !directives.includes("no-transaction");
  const undoing = /^--[ \t]*(?:migrate:down|\+goose[ \t]+down)\b.*$/im.exec(sql);
  if (undoing !== null) {
    throw new MigrationProblem(
      path,
      `its part behind \`${undoing[0].trim()}\` would undo the rest; leave that part out`,
    );
  }
  const unknown = directives.find((directive) => directive !== "no-transaction");
  if (unknown !== undefined) {
    throw new MigrationProblem(
      path,
      `\`-- levain: ${unknown}\` is not known; there is only \`-- levain: no-transaction\``,
    );
  }
  if (sql.includes("\0")) throw new MigrationProblem(path, "it has a zero byte");
  if (isTransactional) {
    const found = splitStatements(sql).find(hasTransactionControl);
    if (found !== undefined) {
      throw new MigrationProblem(
        path,
        `\`${found.split(/\s/, 1)[0]?.toUpperCase()}\` is not for files that are run in a transaction already; leave it out, or begin the file with \`-- levain: no-transaction\``,
      );
    }
  }
  return {
    name: path.replace(/(?:\/migration)?(?:\.up)?\.sql$/, ""),
    sql,
    checksum: createHash("sha256").update(sql).digest("hex"),
    isTransactional,
  };
}
