/**
 * Backups in a bucket that speaks S3. Bun's client signs and lists; each part is one PUT of a size that is tried again as a
 * whole, so that nothing half sent is left anywhere, and no request waits for ever.
 */
import { createHash } from "node:crypto";
import { messageOf, PlatformError } from "../base/errors.ts";
import { idTimeMs, isBackupId } from "./backup-manifest.ts";
import {
  backupsListedMax,
  s3ErrorBytesMax,
  s3RequestTimeoutMs,
  s3RetryMs,
  s3TriesMax,
  unfinishedMsMax,
} from "./limits.ts";
import type { BackupStorage, UnfinishedBackup } from "./storage.ts";

export interface S3Access {
  accessKeyId: string | undefined;
  secretAccessKey: string | undefined;
  sessionToken: string | undefined;
  /** Default: `us-east-1`. */
  region: string | undefined;
  /** Default: Amazon's for the region. */
  endpoint: string | undefined;
  /** Of one request. Milliseconds. Default: `s3RequestTimeoutMs`. */
  timeoutMs?: number | undefined;
  /** First pause between two tries. Milliseconds. Default: `s3RetryMs`. */
  retryMs?: number | undefined;
}

interface Request {
  method: "GET" | "PUT" | "DELETE" | "HEAD";
  key: string;
  body?: Uint8Array;
}

/** What is worth another try: the storage is busy, or between two of its own machines something broke. */
const TRANSIENT = [408, 425, 429, 500, 502, 503, 504];

export class S3Storage implements BackupStorage {
  readonly where: string;
  readonly #client: Bun.S3Client;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #retryMs: number;

  /** @throws {PlatformError} `BACKUP_STORAGE_FAILED` */
  constructor(bucket: string, prefix: string, access: S3Access) {
    this.where = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
    const { accessKeyId, secretAccessKey, sessionToken, region = "us-east-1", endpoint } = access;
    if (accessKeyId === undefined || secretAccessKey === undefined) {
      throw this.#failed("AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set");
    }
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
    this.#timeoutMs = access.timeoutMs ?? s3RequestTimeoutMs;
    this.#retryMs = access.retryMs ?? s3RetryMs;
    this.#client = new Bun.S3Client({
      accessKeyId,
      secretAccessKey,
      bucket,
      region,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      ...(endpoint === undefined ? {} : { endpoint }),
    });
  }

  async ids(): Promise<string[]> {
    const names = (await this.#list(this.#prefix, "/")).filter(isBackupId).sort().reverse();
    const there: string[] = [];
    for (const id of names.slice(0, backupsListedMax)) {
      if (await this.#exists(id)) there.push(id);
    }
    return there;
  }

  async begin(id: string): Promise<UnfinishedBackup> {
    return {
      put: (name, bytes) => this.#put(`${id}/${name}`, bytes),
      commit: (manifest) => this.#put(`${id}/manifest.json`, manifest),
      discard: () => this.#removeAll(id).catch(() => {}),
    };
  }

  async read(id: string, name: string, bytesMax: number): Promise<Uint8Array> {
    const response = await this.#send({ method: "GET", key: `${id}/${name}` }, readBody(bytesMax));
    if (response === null) {
      throw new PlatformError("BACKUP_DAMAGED", [id, `${name} is missing`]);
    }
    return response;
  }

  async remove(id: string): Promise<void> {
    await this.#delete(`${id}/manifest.json`);
    await this.#removeAll(id);
  }

  async sweep(nowMs: number): Promise<string[]> {
    const swept: string[] = [];
    for (const id of (await this.#list(this.#prefix, "/")).filter(isBackupId)) {
      // Another node may be at a young one.
      if (nowMs - idTimeMs(id) < unfinishedMsMax || (await this.#exists(id))) continue;
      await this.#removeAll(id);
      swept.push(id);
    }
    return swept;
  }

  async #exists(id: string): Promise<boolean> {
    const key = `${id}/manifest.json`;
    return (await this.#send({ method: "HEAD", key }, async () => true)) !== null;
  }

  async #put(name: string, body: Uint8Array): Promise<void> {
    const done = await this.#send({ method: "PUT", key: name, body }, async () => true);
    if (done === null) throw this.#failed("there is no such bucket");
  }

  async #delete(name: string): Promise<void> {
    await this.#send({ method: "DELETE", key: name }, async () => true);
  }

  async #removeAll(id: string): Promise<void> {
    for (const name of await this.#list(`${this.#prefix}${id}/`, undefined)) {
      await this.#delete(`${id}/${name}`);
    }
  }

  /** Names directly below a prefix: folders with a delimiter, else files. */
  async #list(prefix: string, delimiter: string | undefined): Promise<string[]> {
    const names: string[] = [];
    let continuationToken: string | undefined;
    do {
      const token = continuationToken;
      const page = await this.#again(() =>
        this.#bounded(
          this.#client.list({
            prefix,
            ...(delimiter === undefined ? {} : { delimiter }),
            ...(token === undefined ? {} : { continuationToken: token }),
          }),
        ),
      );
      for (const { prefix: folder } of page.commonPrefixes ?? []) {
        names.push(folder.slice(prefix.length).replace(/\/$/, ""));
      }
      if (delimiter === undefined) {
        for (const { key } of page.contents ?? []) names.push(key.slice(prefix.length));
      }
      continuationToken = page.isTruncated === true ? page.nextContinuationToken : undefined;
    } while (continuationToken !== undefined);
    return names;
  }

  /** One request, tried again. Null when there is nothing of that name. */
  #send<Result>(
    { method, key, body }: Request,
    read: (response: Response) => Promise<Result>,
  ): Promise<Result | null> {
    return this.#again(async () => {
      const url = this.#client.presign(this.#prefix + key, {
        method,
        expiresIn: Math.ceil(this.#timeoutMs / 1000) + 60,
      });
      const response = await fetch(url, {
        method,
        ...(body === undefined
          ? {}
          : { body: body as Uint8Array<ArrayBuffer>, headers: { "content-md5": md5Of(body) } }),
        signal: AbortSignal.timeout(this.#timeoutMs),
        redirect: "error",
      });
      if (response.ok) return read(response);
      const text = (await response.text()).slice(0, s3ErrorBytesMax);
      if (response.status === 404 && !/<Code>NoSuchBucket</.test(text)) return null;
      throw new RefusedRequest(response.status, text);
    });
  }

  async #again<Result>(request: () => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await request();
      } catch (error) {
        if (error instanceof PlatformError) throw error;
        const isFinal = error instanceof RefusedRequest && !TRANSIENT.includes(error.status);
        if (isFinal || tries === s3TriesMax)
          throw this.#failed(reasonOf(error, this.#timeoutMs), error);
        // Half of it by chance: those who were refused together do not come back together.
        await Bun.sleep(this.#retryMs * 2 ** (tries - 1) * (0.5 + Math.random() / 2));
      }
    }
  }

  /** A listing cannot be aborted; what it still does ends with the process. */
  async #bounded<Result>(work: Promise<Result>): Promise<Result> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new DOMException("no answer", "TimeoutError")),
      this.#timeoutMs,
    );
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #failed(what: string, cause?: unknown): PlatformError {
    return new PlatformError("BACKUP_STORAGE_FAILED", [this.where, what], { cause });
  }
}

class RefusedRequest extends Error {
  override readonly name = "RefusedRequest";
  readonly status: number;

  constructor(status: number, text: string) {
    const field = (name: string) => new RegExp(`<${name}>([^<]{1,300})<`).exec(text)?.[1];
    const said = [field("Code"), field("Message")].filter((part) => part !== undefined).join(": ");
    super(`it answered ${status}${said === "" ? "" : ` (${said})`}`);
    this.status = status;
  }
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if ((error as { name?: unknown }).name === "TimeoutError") {
    return `it gave no answer within ${timeoutMs} ms, ${s3TriesMax} times`;
  }
  return messageOf(error);
}

function readBody(bytesMax: number): (response: Response) => Promise<Uint8Array> {
  return async (response) => {
    const bytes = Number(response.headers.get("content-length") ?? 0);
    if (bytes > bytesMax) {
      throw new PlatformError("BACKUP_DAMAGED", [
        new URL(response.url).pathname,
        `it has ${bytes} bytes`,
      ]);
    }
    return response.bytes();
  };
}

/** The storage refuses what came in another way than it was sent. */
function md5Of(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("base64");
}
