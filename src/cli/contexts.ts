/**
 * The nodes that somebody has logged in to, in `levain/contexts.json` of their configuration folder, for their eyes only:
 * it holds tokens.
 */
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { messageOf, PlatformError } from "../base/errors.ts";
import { homeFolder } from "../control/data-dir.ts";

export interface Context {
  /** `https://levain.example.com` */
  url: string;
  token: string;
  /** Certificates in PEM that are trusted in place of the system's; null for the system's. */
  ca: string | null;
}

export interface Contexts {
  /** Name of the one that commands ask when they say nothing else; null for the data directory. */
  current: string | null;
  /** By name. */
  contexts: Record<string, Context>;
}

/** What the data directory is called where a context is named. */
export const LOCAL = "local";

type Environment = Readonly<Record<string, string | undefined>>;

/** Names that a context can have. */
export function isContextName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name) && name !== LOCAL;
}

export function contextsPath(env: Environment): string {
  const base = env.XDG_CONFIG_HOME || join(homeFolder(env), ".config");
  return join(base, "levain", "contexts.json");
}

/**
 * None when there is no file. What others may read is closed to them.
 *
 * @throws {PlatformError} `CONTEXTS_UNUSABLE`
 */
export function readContexts(env: Environment): Contexts {
  const path = contextsPath(env);
  try {
    const text = readFileSync(path, "utf8");
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
    return checked(JSON.parse(text));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return { current: null, contexts: {} };
    throw new PlatformError("CONTEXTS_UNUSABLE", [path, messageOf(error)], { cause: error });
  }
}

/** Whole or not at all. @throws {PlatformError} `CONTEXTS_UNUSABLE` */
export function writeContexts(env: Environment, contexts: Contexts): void {
  const path = contextsPath(env);
  const unfinished = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(unfinished, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 });
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw new PlatformError("CONTEXTS_UNUSABLE", [path, messageOf(error)], { cause: error });
  }
}

function checked(value: unknown): Contexts {
  const { current, contexts } = (value ?? {}) as Partial<Contexts>;
  const isWhole = Object.values(contexts ?? {}).every(
    ({ url, token, ca }) =>
      typeof url === "string" &&
      typeof token === "string" &&
      (ca === null || typeof ca === "string"),
  );
  if (typeof contexts !== "object" || contexts === null || !isWhole) {
    throw new Error("it is not what `levain login` writes");
  }
  return { current: typeof current === "string" ? current : null, contexts };
}
