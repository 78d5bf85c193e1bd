/** Archives that no packer of ours makes: heads by hand, nothing checked. */
import { createGzip, gzipSync } from "node:zlib";
import { Header } from "tar";

export interface Entry {
  path: string;
  type?: "File" | "Directory" | "SymbolicLink" | "Link" | "CharacterDevice" | "FIFO";
  body?: string;
  /** What the head says; default the body's. Bytes. */
  bytes?: number;
  linkpath?: string;
}

const end = Buffer.alloc(1024);

export function archive(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(Buffer.concat([...entries.flatMap(blocks), end])));
}

/** Files without content, as many as asked for. */
export function archiveOfFiles(files: number): Uint8Array<ArrayBuffer> {
  const heads = Array.from({ length: files }, (_, index) => head({ path: `files/${index}.ts` }));
  return new Uint8Array(gzipSync(Buffer.concat([...heads, end]), { level: 1 }));
}

/** A small upload that becomes one file of zeros as large as asked for. */
export async function archiveOfZeros(bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const gzip = createGzip({ level: 9 });
  const packed = new Response(gzip as unknown as ReadableStream).bytes();
  const zeros = Buffer.alloc(1024 * 1024);
  gzip.write(head({ path: "index.ts", bytes }));
  for (let written = 0; written < bytes; written += zeros.length) {
    if (!gzip.write(zeros)) await new Promise((resolve) => gzip.once("drain", resolve));
  }
  gzip.end(end);
  return new Uint8Array(await packed);
}

function blocks(entry: Entry): Buffer[] {
  const body = Buffer.from(entry.body ?? "");
  return [head(entry), body, Buffer.alloc((512 - (body.length % 512)) % 512)];
}

function head({ path, type = "File", body = "", bytes, linkpath }: Entry): Buffer {
  const block = Buffer.alloc(512);
  const size = bytes ?? Buffer.byteLength(body);
  const header = new Header({ path, type, size, mode: 0o644 });
  if (linkpath !== undefined) header.linkpath = linkpath;
  header.encode(block, 0);
  return block;
}
