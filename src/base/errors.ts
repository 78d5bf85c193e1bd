/**
 * Two kinds of failure, never mixed.
 *
 * - Something a person can act on: a row of the catalogue (`catalog.ts`), thrown as a `PlatformError`.
 * - A belief of ours that is false: `invariant`, which nobody catches; the process ends and is restarted.
 */
import { CATALOG, type ErrorCode, type ErrorRow } from "./catalog.ts";

export type { ErrorCode } from "./catalog.ts";

/** Values for the placeholders of a catalogue message, in order. */
type MessageArgs<Code extends ErrorCode> = Parameters<(typeof CATALOG)[Code]["message"]>;

export interface PlatformErrorOptions {
  /** The error underneath; its message is shown as the cause. */
  cause?: unknown;
  /** Evidence for a person or a program: last log lines, exit code, file names. */
  detail?: Record<string, unknown>;
  /** The message as another process has put it together, instead of one made from the values. */
  message?: string;
}

/** What a program sees of an error: the same shape in the CLI, the admin API and the edge's JSON pages. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  /** The underlying error's message, or null. */
  cause: string | null;
  fix: string;
  /** Path of the section in the docs: `docs/errors.md#code`. */
  docs: string;
  detail?: Record<string, unknown>;
}

/** An error of the catalogue. `code` is permanent; the message is not. */
export class PlatformError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = "PlatformError";
  readonly code: Code;
  readonly detail: Record<string, unknown> | undefined;
  /** What to do next. */
  readonly fix: string;

  constructor(code: Code, args: MessageArgs<Code>, options: PlatformErrorOptions = {}) {
    const row = CATALOG[code] as ErrorRow;
    super(
      options.message ?? row.message(...(args as never[])),
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.code = code;
    this.detail = options.detail;
    this.fix = remedyOf(row, args);
  }

  /** The error that `toBody` of another process of ours has described. */
  static of({ code, message, cause, detail }: ErrorBody): PlatformError {
    return new PlatformError(code, [] as never, {
      message,
      ...(cause === null ? {} : { cause: new Error(cause) }),
      ...(detail === undefined ? {} : { detail }),
    });
  }

  /** HTTP status that the edge and the admin API answer with. */
  get status(): number {
    return CATALOG[this.code].status;
  }

  /** Who can fix it: `user` (request, app or command) or `platform` (the node or its operator). */
  get owner(): "user" | "platform" {
    return CATALOG[this.code].owner;
  }

  toBody(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      cause: this.cause === undefined ? null : messageOf(this.cause),
      fix: this.fix,
      docs: `docs/errors.md#${this.code.toLowerCase()}`,
      ...(this.detail === undefined ? {} : { detail: this.detail }),
    };
  }
}

/** @param args values for its placeholders, those of the message. */
function remedyOf({ remedy }: ErrorRow, args: readonly unknown[]): string {
  return typeof remedy === "string" ? remedy : remedy(...(args as never[]));
}

/** The texts of a row with their placeholders named: `Cannot find app "<app>"`. */
export function templatesOf(row: ErrorRow): { message: string; remedy: string } {
  const names = /^\(([^)]*)\)/.exec(row.message.toString())?.[1]?.split(",") ?? [];
  const args = names.map((name) => `<${name.trim()}>`);
  return { message: row.message(...(args as never[])), remedy: remedyOf(row, args) };
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** An error as a `PlatformError`; what is not one becomes `DISK_FULL` or `INTERNAL` with the original as its cause. */
export function asPlatformError(thrown: unknown): PlatformError {
  if (thrown instanceof PlatformError) return thrown;
  if (isDiskFull(thrown)) return new PlatformError("DISK_FULL", [], { cause: thrown });
  return new PlatformError("INTERNAL", [], { cause: thrown });
}

/** Whether the file system had no room for what was written, or this user none left. */
export function isDiskFull(thrown: unknown): boolean {
  const { code } = (thrown ?? {}) as { code?: unknown };
  return code === "ENOSPC" || code === "EDQUOT";
}

/** Whether an error says something of the node that only its operator can do something about, in its log. */
export function isForOperator({ code }: PlatformError): boolean {
  return code === "INTERNAL" || code === "DISK_FULL";
}

/** A belief of ours turned out false. Nobody catches it; the process restarts. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** @throws {InvariantError} when `claim` is false. */
export function invariant(claim: unknown, belief: string): asserts claim {
  if (!claim) throw new InvariantError(`Invariant broken: ${belief}`);
}

/**
 * Lets what a callback of Bun's has thrown end the process. Bun hands it to the `error` handler of the socket and goes
 * on, with our state half changed.
 */
export function throwUncaught(thrown: unknown): void {
  setImmediate(() => {
    throw thrown;
  });
}
