/**
 * The command line's end of the admin API. Talks over the unix socket in the data directory, with the token that lies
 * there, or to an address that was named; what the node answers as an error is thrown as a `NodeError`, what keeps it
 * from answering as a `PlatformError`. No wait is without bound.
 */
import { join } from "node:path";
import { type ErrorBody, messageOf, PlatformError } from "../base/errors.ts";
import { readAdminToken } from "../control/admin-token.ts";
import type { InputOf, LineOf, OutputOf, QueryOf } from "../control/api.ts";
import {
  adminApiVersion,
  ENDPOINT_PATHS,
  type EndpointName,
  endpointPath,
} from "../control/endpoints.ts";
import { answerTimeoutMs, streamLineBytesMax, streamSilenceMs } from "./limits.ts";
import { lockHolderOf } from "./lock-holder.ts";

/** An error that the node answered with. */
export class NodeError extends Error {
  override readonly name = "NodeError";
  readonly body: ErrorBody;

  constructor(body: ErrorBody) {
    super(body.message);
    this.body = body;
  }
}

/** What a caller gives of an endpoint's query; fields with a default may be left out. */
export type Query<Name extends EndpointName> = {
  [Key in keyof QueryOf<Name>]?: QueryOf<Name>[Key] | undefined;
};
type Input<Name extends EndpointName> = Partial<InputOf<Name>>;

export interface CallOptions<Name extends EndpointName> {
  /** Path parameter, for endpoints that have one. */
  app?: string;
  query?: Query<Name>;
  input?: Input<Name>;
  /** Bytes to upload instead of a JSON input. */
  body?: ReadableStream<Uint8Array> | Blob | Uint8Array<ArrayBuffer>;
  /** Abort leaves with `INTERRUPTED`. */
  signal?: AbortSignal;
  /** Of a call that takes its time, instead of the client's own. Milliseconds. */
  answerTimeoutMs?: number;
}

/** How long the node may be silent. Milliseconds. */
export interface ClientBounds {
  answerTimeoutMs: number;
  streamSilenceMs: number;
}

/** Which node is meant, and what to show it. */
export interface AdminTarget {
  /** Folder of its data; where its socket and its token are. */
  dataDir: string;
  /** Its address, in place of the socket; the token of the folder is not sent there, since it is another node's. */
  url?: string | undefined;
  /** In place of the folder's token. */
  token?: string | undefined;
  /** Certificates in PEM to trust in place of the system's. */
  ca?: string | undefined;
}

export class AdminClient {
  readonly #target: AdminTarget;
  readonly #bounds: ClientBounds;

  constructor(target: AdminTarget, bounds: ClientBounds = { answerTimeoutMs, streamSilenceMs }) {
    this.#target = target;
    this.#bounds = bounds;
  }

  /**
   * @throws {NodeError} the node's own answer.
   * @throws {PlatformError} `NODE_NOT_RUNNING`, `NODE_NOT_ANSWERING`, `NODE_CONNECTION_LOST`, `NODE_SILENT`, `NODE_UNREACHABLE`,
   *   `NODE_CERTIFICATE_REFUSED`, `NODE_VERSION_OTHER`,
   *   `ADMIN_TOKEN_UNREADABLE`, `INTERRUPTED`.
   */
  async call<Name extends EndpointName>(
    name: Name,
    options: CallOptions<Name> = {},
  ): Promise<OutputOf<Name>> {
    const { answerTimeoutMs = this.#bounds.answerTimeoutMs } = options;
    const timeout = AbortSignal.timeout(answerTimeoutMs);
    try {
      const response = await this.#send(name, options, timeout);
      return (await response.json()) as OutputOf<Name>;
    } catch (error) {
      if (timeout.aborted) throw new PlatformError("NODE_SILENT", [answerTimeoutMs]);
      throw await this.#translate(error, options.signal);
    }
  }

  /** Bytes of an endpoint that answers with an archive, as they come. Throws like `call`. */
  async *download<Name extends EndpointName>(
    name: Name,
    options: CallOptions<Name> = {},
  ): AsyncGenerator<Uint8Array> {
    const { streamSilenceMs } = this.#bounds;
    const stop = new AbortController();
    let timer = setTimeout(() => stop.abort(), streamSilenceMs);
    try {
      const response = await this.#send(name, options, stop.signal);
      for await (const piece of response.body ?? []) {
        clearTimeout(timer);
        yield piece;
        timer = setTimeout(() => stop.abort(), streamSilenceMs);
      }
    } catch (error) {
      if (stop.signal.aborted) throw new PlatformError("NODE_SILENT", [streamSilenceMs]);
      throw await this.#translate(error, options.signal);
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }

  /** Lines of a streaming endpoint, as they come. Throws like `call`. Leaving the loop closes the connection. */
  async *stream<Name extends EndpointName>(
    name: Name,
    options: CallOptions<Name> = {},
  ): AsyncGenerator<LineOf<Name>> {
    const { streamSilenceMs } = this.#bounds;
    const silence = new AbortController();
    // Only while the node is waited for: who reads the lines may take all the time there is.
    const awaitNode = async <T>(wait: Promise<T>): Promise<T> => {
      const timer = setTimeout(() => silence.abort(), streamSilenceMs);
      try {
        return await wait;
      } finally {
        clearTimeout(timer);
      }
    };
    const left = new AbortController();
    try {
      const stop = AbortSignal.any([silence.signal, left.signal]);
      const response = await awaitNode(this.#send(name, options, stop));
      const reader = (response.body ?? new Blob([]).stream()).getReader();
      const decoder = new TextDecoder();
      let rest = "";
      for (;;) {
        const { done, value } = await awaitNode(reader.read());
        if (done) break;
        const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
        rest = lines.pop() as string;
        if (rest.length > streamLineBytesMax) {
          throw new PlatformError("NODE_CONNECTION_LOST", ["it sent a line without an end"]);
        }
        // Empty lines only show that the stream is alive.
        for (const line of lines) if (line !== "") yield parseLine<Name>(line);
      }
    } catch (error) {
      if (silence.signal.aborted) throw new PlatformError("NODE_SILENT", [streamSilenceMs]);
      throw await this.#translate(error, options.signal);
    } finally {
      left.abort();
    }
  }

  async #send<Name extends EndpointName>(
    name: Name,
    options: CallOptions<Name>,
    bound: AbortSignal,
  ): Promise<Response> {
    const { dataDir, url: nodeUrl, ca } = this.#target;
    const url = new URL(endpointPath(name, options.app), nodeUrl ?? "http://localhost");
    for (const [key, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const signals = options.signal === undefined ? [bound] : [bound, options.signal];
    const { body, headers } = bodyOf(options);
    const response = await fetch(url, {
      method: ENDPOINT_PATHS[name].method,
      ...(nodeUrl === undefined ? { unix: join(dataDir, "admin.sock") } : {}),
      // A proxy for the world outside must not see the token.
      ...(nodeUrl?.startsWith("http:") ? { proxy: false } : {}),
      ...(ca === undefined ? {} : { tls: { ca } }),
      headers: { ...headers, ...this.#authorization() },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.any(signals),
      // The bounds are ours: a stream may be silent between two signs of life.
      timeout: false,
      // A node never redirects, and nobody else gets the token.
      redirect: "error",
    });
    if (nodeUrl !== undefined) assertApiVersion(response, nodeUrl);
    if (response.ok) return response;
    throw new NodeError(await errorOf(response));
  }

  /** Without a token the node says what is missing, when one runs at all. */
  #authorization(): Record<string, string> {
    const { dataDir, url, token } = this.#target;
    const shown = token ?? (url === undefined ? readAdminToken(dataDir) : null);
    return shown === null ? {} : { authorization: `Bearer ${shown}` };
  }

  async #translate(error: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    if (error instanceof NodeError || error instanceof PlatformError) return error;
    if (signal?.aborted) return new PlatformError("INTERRUPTED", []);
    const { dataDir, url } = this.#target;
    const code = (error as { code?: unknown } | null)?.code;
    if (url !== undefined && typeof code === "string") {
      const why = certificateProblem(code, url);
      if (why !== null) return new PlatformError("NODE_CERTIFICATE_REFUSED", [url, why]);
      const how = UNREACHABLE[code];
      if (how !== undefined) return new PlatformError("NODE_UNREACHABLE", [url, how]);
    }
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR") {
      const pid = await lockHolderOf(dataDir);
      if (pid === null) return new PlatformError("NODE_NOT_RUNNING", [dataDir]);
      return new PlatformError("NODE_NOT_ANSWERING", [dataDir, pid], { detail: { pid } });
    }
    if (code === "EACCES" || code === "EPERM") {
      const what = "its admin.sock belongs to another user";
      return new PlatformError("DATA_DIR_UNUSABLE", [dataDir, what]);
    }
    const how = typeof code === "string" ? code : messageOf(error);
    return new PlatformError("NODE_CONNECTION_LOST", [how], { cause: error });
  }
}

/** Why nothing of a node answers at an address, by the code of the error. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ConnectionRefused: "nothing listens there",
  ENOTFOUND: "no machine has that name",
  EAI_AGAIN: "no name server answers",
  FailedToOpenSocket: "no way leads there",
  ENETUNREACH: "no way leads there",
  EHOSTUNREACH: "no way leads there",
  ETIMEDOUT: "nothing answers there",
  EPROTO: "what listens there does not speak TLS; is it http://?",
};

/** What is wrong with a node's certificate, or null when that is not it. */
function certificateProblem(code: string, url: string): string | null {
  const { hostname } = new URL(url);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `it is not for ${hostname}`;
  if (code === "CERT_HAS_EXPIRED") return "it has expired";
  if (code === "CERT_NOT_YET_VALID") return "it is not valid yet; is this machine's clock right?";
  if (/SELF_SIGNED/.test(code)) return "it is signed by itself, or by a CA that is not known here";
  const isOther = /^(CERT_|UNABLE_TO_|INVALID_CA|PATH_LENGTH)/.test(code);
  return isOther ? "who signed it is not known here" : null;
}

/** A proxy's own answers do not carry it; an answer of the API does, since there are versions of it. */
function assertApiVersion(response: Response, url: string): void {
  const found = response.headers.get("levain-api");
  if (found === `${adminApiVersion}` || (found === null && !response.ok)) return;
  const shown = found === null ? "none" : /^\d{1,6}$/.test(found) ? found : "another one";
  throw new PlatformError("NODE_VERSION_OTHER", [url, shown, adminApiVersion]);
}

/** @throws {NodeError} when the line says why the stream ends. */
function parseLine<Name extends EndpointName>(line: string): LineOf<Name> {
  const value: unknown = JSON.parse(line);
  // A deploy's `failed` event has an error too, and a type beside it.
  if (Object.keys(value as object).join() === "error") {
    throw new NodeError((value as { error: ErrorBody }).error);
  }
  return value as LineOf<Name>;
}

function bodyOf<Name extends EndpointName>(
  options: CallOptions<Name>,
): { body?: Bun.BodyInit; headers?: Record<string, string> } {
  if (options.body !== undefined) {
    return { body: options.body, headers: { "content-type": "application/gzip" } };
  }
  if (options.input !== undefined) {
    const headers = { "content-type": "application/json" };
    return { body: JSON.stringify(options.input), headers };
  }
  return {};
}

async function errorOf(response: Response): Promise<ErrorBody> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error?: ErrorBody };
    if (typeof error?.code === "string") return error;
  } catch {
    // Not JSON: said below.
  }
  const what = `status ${response.status} that is not of the admin API`;
  throw new PlatformError("NODE_CONNECTION_LOST", [what]);
}
