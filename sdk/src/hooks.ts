/**
 * What authors of request hooks import: the types of the modules that `hooks` in `levain.node.ts` names. No effects.
 *
 * ```ts
 * import type { RequestHook } from "levain/hooks";
 *
 * export const onRequest: RequestHook = (request) => {
 *   if (request.path.startsWith("/internal/")) return { status: 404, body: "Not here\n" };
 * };
 * ```
 *
 * A module exports `onRequest`, `onResponse` or both. One that takes options exports a `HookSetup` as its default instead.
 */

/**
 * Sees the head of each request before an app gets it, and may let it pass (return nothing), change it, or answer it.
 * Throwing, or taking too long, rejects the request.
 */
export type RequestHook = (
  request: HookRequest,
) =>
  | HookAnswer
  | HookRejection
  | undefined
  | void
  | Promise<HookAnswer | HookRejection | undefined | void>;

/**
 * Sees the head of each answer before the client gets it. Called in the reverse order of `onRequest`, and only when the
 * module's own `onRequest`, if it has one, has let the request pass.
 */
export type ResponseHook = (
  response: HookResponse,
  request: Readonly<HookRequest>,
) => undefined | void | Promise<undefined | void>;

/** The default export of a module that takes options. Called once for each time that `levain.node.ts` names it. */
export type HookSetup<Options = undefined> = (
  options: Options,
  context: HookContext,
) => Hooks | Promise<Hooks>;

export interface Hooks {
  onRequest?: RequestHook;
  onResponse?: ResponseHook;
}

export interface HookContext {
  /** Milliseconds since some fixed point; never goes back. */
  nowMs(): number;
  /** The node's environment. */
  env: Readonly<Record<string, string | undefined>>;
}

/** The head of a request. Valid until its answer has begun. */
export interface HookRequest {
  /** Of the request and its log lines, `x-request-id` for the app and the client. */
  readonly id: string;
  readonly method: string;
  /** Path and query as the app will get them: as the client sent them, or as a hook has rewritten them. */
  readonly target: string;
  /** The path as the app's `new URL(request.url).pathname` will be: dot segments resolved, still percent-encoded. */
  readonly path: string;
  /**
   * The path for comparing, never for building: percent-decoded once, with repeated slashes and dot segments removed.
   * An app may read a path in either way, so what protects a path has to compare both.
   */
  readonly plainPath: string;
  /** From the `?` on; empty when there is none. */
  readonly query: string;
  /** Lower case, without port. */
  readonly host: string;
  /** Host and port as the client sent them. */
  readonly authority: string;
  /** As a trusted proxy says, else `http`. */
  readonly scheme: "http" | "https";
  /** Address of the client: what the trusted proxies say, and nothing that a client could have made up. */
  readonly clientAddress: string;
  /** Asks to become a WebSocket. */
  readonly isWebSocket: boolean;
  /** Where the request leads; null when no app answers to its host. */
  readonly app: string | null;
  /** The branch that the version was deployed to or promoted onto. */
  readonly branch: string | null;
  readonly version: number | null;
  /**
   * The header lines that the app will get. Those that only the edge writes cannot be changed: `host`, what speaks of the
   * connection or the body's length, `x-forwarded-for`, `x-forwarded-proto`, `x-request-id`, `traceparent`.
   */
  readonly headers: HookHeaders;
  /**
   * Gives the app another path and query; the host, and so the app, stays.
   *
   * @param target begins with `/`; visible ASCII, so percent-encoded
   * @throws {TypeError} for another one, and after the request has gone to the app
   */
  rewrite(target: string): void;
}

/** The head of an answer. */
export interface HookResponse {
  /** Whose answer it is: `platform` for Levain's own errors, `hook` for what a hook has answered. */
  readonly source: "app" | "platform" | "hook";
  /**
   * Can be set, from 200 to 599. 204, 205 and 304, which have no body, neither become another status nor the other way
   * round.
   */
  status: number;
  /** The header lines, without those that only the edge writes: the body's length and what speaks of the connection. */
  readonly headers: HookHeaders;
}

/** Header lines. Names have no case. */
export interface HookHeaders {
  /** All values, with ", " between them (cookies: "; "); null when there is none. */
  get(name: string): string | null;
  /** The value of each line. */
  getAll(name: string): string[];
  has(name: string): boolean;
  /** Replaces all lines of that name. @throws {TypeError} for a name or value that no header can have. */
  set(name: string, value: string): void;
  /** Adds a line. @throws {TypeError} as `set` does. */
  append(name: string, value: string): void;
  /** @throws {TypeError} when only the edge writes such lines. */
  delete(name: string): void;
  /** Each line: the name in lower case, and the value. */
  [Symbol.iterator](): IterableIterator<[name: string, value: string]>;
}

export type HookHeaderValues =
  | Readonly<Record<string, string | readonly string[]>>
  | Iterable<readonly [name: string, value: string]>;

/** An answer in place of the app's. The hooks behind, and the app, do not hear of the request. */
export interface HookAnswer {
  /** 200 to 599. */
  status: number;
  headers?: HookHeaderValues;
  /** A string is sent as UTF-8, as `text/plain` unless `headers` says otherwise. At most 64 KiB. */
  body?: string | Uint8Array;
}

/** An answer with the page of Levain's own errors, HTML or JSON by what the client accepts. */
export interface HookRejection {
  /** Told to the client: "Cannot accept the request: <reject>". */
  reject: string;
  /** 400 to 599. Default 403. */
  status?: number;
  headers?: HookHeaderValues;
}
