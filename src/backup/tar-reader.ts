/**
 * Reads a tar as its bytes come, in pieces of any size. Synchronous: who gives bytes too fast waits by not giving them.
 *
 *   head ──▶ body ──▶ padding ──▶ head …        an extended head (pax) changes what the next head says
 */
import { Header, Pax } from "tar";

export interface TarFile {
  path: string;
  kind: "file" | "folder" | "link";
  bytes: number;
  isExecutable: boolean;
  /** What a link leads to, else empty. */
  target: string;
}

/** Gets what a file has. */
export interface TarSink {
  data(bytes: Uint8Array): void;
  end(): void;
}

const block = 512;
/** A path and what a link leads to, with room for what others write beside them. Bytes. */
const extendedBytesMax = 64 * 1024;

export class TarReader {
  readonly #open: (file: TarFile) => TarSink | null;
  readonly #head = Buffer.alloc(block);
  #headFilled = 0;
  #bodyLeft = 0;
  #paddingLeft = 0;
  #sink: TarSink | null = null;
  #isEnded = false;

  /** @param open is told of each file and gives what takes it; null: nobody looks at it */
  constructor(open: (file: TarFile) => TarSink | null) {
    this.#open = open;
  }

  /** @throws when it is not a tar, or what the sink has against it */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#bodyLeft > 0) {
        const taken = Math.min(this.#bodyLeft, bytes.length - at);
        this.#sink?.data(bytes.subarray(at, at + taken));
        this.#bodyLeft -= taken;
        at += taken;
        if (this.#bodyLeft === 0) this.#endBody();
      } else if (this.#paddingLeft > 0) {
        const taken = Math.min(this.#paddingLeft, bytes.length - at);
        this.#paddingLeft -= taken;
        at += taken;
      } else {
        const taken = Math.min(block - this.#headFilled, bytes.length - at);
        this.#head.set(bytes.subarray(at, at + taken), this.#headFilled);
        this.#headFilled += taken;
        at += taken;
        if (this.#headFilled === block) this.#onHead();
      }
    }
  }

  /** @throws when it stops in the middle */
  end(): void {
    if (this.#bodyLeft > 0 || this.#headFilled > 0 || !this.#isEnded) {
      throw new Error("the tar is cut off");
    }
  }

  #extended: Pax | undefined;

  #onHead(): void {
    this.#headFilled = 0;
    const head = new Header(this.#head, 0, this.#extended);
    if (head.nullBlock) {
      this.#isEnded = true;
      return;
    }
    if (this.#isEnded || !head.cksumValid) throw new Error("the tar has a damaged head");
    const size = head.size ?? 0;
    this.#extended = undefined;
    if (head.type === "ExtendedHeader") {
      if (size > extendedBytesMax) throw new Error("the tar has an extended head that is too long");
      this.#sink = this.#extendedSink();
    } else {
      const kind =
        head.type === "Directory" ? "folder" : head.type === "SymbolicLink" ? "link" : "file";
      if (kind === "file" && head.type !== "File" && head.type !== "OldFile") {
        throw new Error(`the tar has an entry of kind ${head.type}`);
      }
      this.#sink = this.#open({
        path: (head.path ?? "").replace(/\/$/, ""),
        kind,
        bytes: kind === "file" ? size : 0,
        isExecutable: ((head.mode ?? 0) & 0o100) !== 0,
        target: kind === "link" ? (head.linkpath ?? "") : "",
      });
    }
    this.#bodyLeft = size;
    this.#paddingLeft = (block - (size % block)) % block;
    if (size === 0) this.#endBody();
  }

  #endBody(): void {
    const sink = this.#sink;
    this.#sink = null;
    sink?.end();
  }

  #extendedSink(): TarSink {
    const pieces: Uint8Array[] = [];
    return {
      data: (bytes) => void pieces.push(bytes.slice()),
      end: () => {
        this.#extended = Pax.parse(Buffer.concat(pieces).toString("utf8"));
      },
    };
  }
}
