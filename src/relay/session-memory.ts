/**
 * What a session has on its server connection beyond one transaction, as PostgreSQL itself tells it, and how to make that
 * anew on another connection. Pure: it makes queries and reads answers.
 *
 * What cannot be made anew pins the session to its connection: temporary tables, advisory locks, cursors WITH HOLD, what
 * `currval` would say, loaded libraries.
 */
import type { Batch } from "./batch.ts";
import { statementBytesMax, statementsMax } from "./limits.ts";
import { query, syncMessage } from "./messages.ts";
import type { OwnAnswer } from "./own-query.ts";
import { Feature } from "./statement-features.ts";

/** After a statement with one of these, PostgreSQL is asked what the session has. */
export const askedFeatures =
  Feature.setsSession |
  Feature.resets |
  Feature.listens |
  Feature.unlistens |
  Feature.prepares |
  Feature.executes |
  Feature.deallocates |
  Feature.holdsCursor |
  Feature.makesTemporary |
  Feature.locksSession;

/** What is known of a session by its statements. */
const memorableFeatures =
  askedFeatures | Feature.discardsAll | Feature.readsSequence | Feature.loads;

/** A prepared statement of the protocol. */
export interface Prepared {
  /** The Parse message. */
  parse: Buffer;
  /** Where its text stands in that. */
  sqlFrom: number;
  sqlEnd: number;
  /** Bits of `Feature`. */
  features: number;
}

/** How to make a session's state anew. */
export interface Renewal {
  bytes: Buffer;
  /** ReadyForQuery messages that its answer has. Count. */
  readies: number;
}

export interface RenewalOptions {
  /** The connection has settings of another session. */
  mustReset?: boolean;
  /** What would make it writable is left out. */
  isReadOnly?: boolean;
}

const resetSettings = query("RESET ALL");
const resetRole = query("SET SESSION AUTHORIZATION DEFAULT");

export class SessionMemory {
  /** Its prepared statements are the translator's affair, and no state of a connection. */
  readonly #isShared: boolean;
  /** By name; the unnamed one has none. */
  readonly statements = new Map<string, Prepared>();
  #settings: [string, string][] = [];
  #sqlStatements: string[] = [];
  #channels: string[] = [];
  /** Names of settings that PostgreSQL does not list, since nothing has defined them. */
  readonly #customNames = new Set<string>();
  #statementBytes = 0;
  #hasSequence = false;
  #hasLibrary = false;
  #isWatchful = false;
  #isTooLarge = false;
  #isUnreadable = false;
  #found: string | null = null;
  #stateKey = "";

  /** @param isShared with transaction pooling */
  constructor(isShared = false) {
    this.#isShared = isShared;
  }

  /** It has prepared more than may be remembered. */
  get isTooLarge(): boolean {
    return this.#isTooLarge;
  }

  /** The settings it has, in one text: connections with the same have the same. */
  get stateKey(): string {
    return this.#stateKey;
  }

  /** What it has that cannot be made anew, in words; null for nothing. */
  get pin(): string | null {
    if (this.#found !== null) return this.#found;
    if (this.#isTooLarge) return "prepared statements, which are too many";
    if (this.#isUnreadable) return "settings of its own";
    if (this.#hasSequence) return "use of currval or lastval";
    return this.#hasLibrary ? "loaded library" : null;
  }

  /** It has a prepared statement that does something to the session whenever it is run. */
  get isWatchful(): boolean {
    return this.#isWatchful;
  }

  /** It listens to something, so it needs a connection also when it asks nothing. */
  get isListening(): boolean {
    return this.#channels.length > 0;
  }

  /** Another connection is as good as the one it had. */
  get isEmpty(): boolean {
    return (
      (this.#isShared || this.statements.size === 0) &&
      this.#settings.length === 0 &&
      this.#sqlStatements.length === 0 &&
      this.#channels.length === 0
    );
  }

  /** A Parse message was sent on. */
  prepared(name: string, prepared: Prepared): void {
    // It is pinned: there is nothing to be made anew, and nothing to be kept for that.
    if (this.#isTooLarge) return this.forget(name);
    const before = this.statements.get(name);
    if (before !== undefined) this.#statementBytes -= before.parse.length;
    this.#statementBytes += prepared.parse.length;
    this.statements.set(name, prepared);
    if (name !== "" && (prepared.features & memorableFeatures) !== 0) this.#isWatchful = true;
    const isTooLarge =
      this.statements.size > statementsMax || this.#statementBytes > statementBytesMax;
    if (isTooLarge) this.#isTooLarge = true;
  }

  /** A statement was closed, or could not be prepared. */
  forget(name: string): void {
    const before = this.statements.get(name);
    if (before === undefined) return;
    this.#statementBytes -= before.parse.length;
    this.statements.delete(name);
  }

  /** Forgets what a batch that failed was to prepare, and its client has not seen prepared. */
  forgetUnprepared({ prepared, preparedSeen }: Batch): void {
    for (const name of prepared.slice(preparedSeen)) this.forget(name);
  }

  /** Text of a prepared statement; undefined when there is none of that name. */
  textOf(name: string): string | undefined {
    const statement = this.statements.get(name);
    return statement?.parse.utf8Slice(statement.sqlFrom, statement.sqlEnd);
  }

  /** A prepared statement that nobody has seen. */
  overlook(): void {
    this.#isTooLarge = true;
  }

  /** Something was set, and nobody will know by which text. */
  overlookSettings(): void {
    this.#isUnreadable = true;
  }

  /** Statements with these features were run; their texts. */
  ran(features: number, texts: readonly string[]): void {
    if ((features & Feature.discardsAll) !== 0) {
      this.statements.clear();
      this.#statementBytes = 0;
      this.#customNames.clear();
      this.#hasSequence = false;
      this.#isTooLarge = false;
      this.#isUnreadable = false;
    }
    // With transaction pooling it is good for the transaction only.
    if ((features & Feature.readsSequence) !== 0 && !this.#isShared) this.#hasSequence = true;
    if ((features & Feature.loads) !== 0) this.#hasLibrary = true;
    if ((features & Feature.setsSession) === 0) return;
    for (const text of texts) {
      for (const [, name = ""] of text.matchAll(customSetting)) this.#customNames.add(name);
      for (const [, name = ""] of text.matchAll(setConfigName)) {
        if (name.includes(".")) this.#customNames.add(name);
      }
      if (/set_config\s*\(\s*[^'\s]/i.test(text)) this.#isUnreadable = true;
    }
  }

  /** What to ask PostgreSQL between two batches. */
  question(): Buffer {
    const names = [...this.#customNames].map((name) => literal(name.toLowerCase()));
    return query(`${QUESTION}${names.length === 0 ? "" : customQuestion(names)}`);
  }

  /** Takes the answer. When there is none, what the session has is not known, which pins it. */
  remember({ rows, errors }: OwnAnswer): void {
    if (errors.length > 0) {
      this.#isUnreadable = true;
      return;
    }
    this.#settings = [];
    this.#sqlStatements = [];
    this.#channels = [];
    this.#found = null;
    const names = new Set<string>();
    for (const [kind, name, value] of rows as [string, string, string | null][]) {
      if (kind === "setting" && value !== null) this.#settings.push([name, value]);
      else if (kind === "channel") this.#channels.push(name);
      else if (kind === "sql") this.#sqlStatements.push(value ?? "");
      else if (kind === "prepared") names.add(name);
      else if (kind === "pin") this.#found ??= name;
    }
    this.#stateKey = this.#settings.length === 0 ? "" : JSON.stringify(this.#settings);
    if (this.#isShared) return;
    // DEALLOCATE and DISCARD know those of the protocol, too. The unnamed one is not listed.
    for (const name of this.statements.keys()) {
      if (name !== "" && !names.has(name)) this.forget(name);
    }
  }

  /**
   * How to give another connection the same state; null when there is nothing to do.
   *
   * @param unprepared names of statements that are left out
   */
  renewal(
    unprepared: ReadonlySet<string>,
    { mustReset = false, isReadOnly = false }: RenewalOptions = {},
  ): Renewal | null {
    if (this.isEmpty && !mustReset) return null;
    const parts: Buffer[] = [];
    if (mustReset) parts.push(resetSettings, resetRole);
    // Set before the database became read-only, this would make it writable again.
    const settings = isReadOnly
      ? this.#settings.filter(([name]) => name !== "default_transaction_read_only")
      : this.#settings;
    if (settings.length > 0) {
      const calls = settings.map(
        ([name, value]) => `pg_catalog.set_config(${literal(name)}, ${literal(value)}, false)`,
      );
      parts.push(query(`SELECT ${calls.join(", ")}`));
    }
    for (const channel of this.#channels) {
      parts.push(query(`LISTEN "${channel.replaceAll('"', '""')}"`));
    }
    for (const sql of this.#sqlStatements) parts.push(query(sql));
    let readies = parts.length;
    for (const [name, { parse }] of this.statements) {
      if (this.#isShared || unprepared.has(name)) continue;
      // Each with a Sync of its own: one that cannot be prepared any more must not take the others with it.
      parts.push(parse, syncMessage);
      readies += 1;
    }
    return readies === 0 ? null : { bytes: Buffer.concat(parts), readies };
  }

  /** The connection is gone: so is what pinned the session to it. */
  drop(): void {
    this.#found = null;
    this.#hasSequence = false;
    this.#hasLibrary = false;
    this.#isTooLarge = false;
    this.#isUnreadable = false;
  }
}

/** `SET [SESSION] name.of.extension = …` */
const customSetting = /\bset\s+(?:session\s+)?"?([a-z_][\w$]*(?:"?\."?[a-z_][\w$]*)+)/gi;
const setConfigName = /\bset_config\s*\(\s*'([^']+)'/gi;

/** `role` is not in the list either; it comes last, since it may take rights away. */
const QUESTION = `SELECT 'setting', name, setting FROM pg_catalog.pg_settings
WHERE source = 'session' AND name NOT LIKE 'transaction\\_%' AND context IN ('user', 'superuser')
UNION ALL SELECT 'channel', channel, NULL FROM pg_catalog.pg_listening_channels() channel
UNION ALL SELECT CASE WHEN from_sql THEN 'sql' ELSE 'prepared' END, name, CASE WHEN from_sql THEN statement END
FROM pg_catalog.pg_prepared_statements
UNION ALL SELECT 'pin', 'temporary table ' || relname, NULL FROM pg_catalog.pg_class
WHERE relnamespace = pg_catalog.pg_my_temp_schema() AND relkind IN ('r', 'p', 'v', 'S', 'f')
UNION ALL SELECT 'pin', 'advisory lock', NULL FROM pg_catalog.pg_locks
WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid()
UNION ALL SELECT 'pin', 'cursor ' || name, NULL FROM pg_catalog.pg_cursors WHERE is_holdable
UNION ALL SELECT 'setting', 'role', pg_catalog.current_setting('role')
WHERE pg_catalog.current_setting('role') <> 'none'`;

function customQuestion(names: readonly string[]): string {
  return `
UNION ALL SELECT 'setting', name, pg_catalog.current_setting(name, true)
FROM pg_catalog.unnest(ARRAY[${names.join(", ")}]) name`;
}

/** A text as SQL has it, whatever `standard_conforming_strings` says. */
function literal(text: string): string {
  if (!text.includes("\\")) return `'${text.replaceAll("'", "''")}'`;
  return `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}
