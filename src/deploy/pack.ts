/**
 * Packs a project for its upload: a gzipped tar that depends on the files' paths, bytes and executable bits, and on
 * nothing else. Runs in the CLI; what does not fit is found before the first byte is sent.
 */
import { create } from "tar";
import { PlatformError } from "../base/errors.ts";
import { listSourceFiles, type SourceBounds, type SourceFiles } from "./source-files.ts";

export interface PackSummary {
  files: number;
  /** Before compression. */
  bytes: number;
  /** Left out without having been asked to, with the reason. */
  skipped: SourceFiles["skipped"];
}

export interface Packed {
  summary: PackSummary;
  /** The upload. Files are opened as it is read; cancel it to stop early. Errors with `SOURCE_INVALID`. */
  stream: ReadableStream<Uint8Array>;
}

/** Time of change of every file in the tar: a constant, so that it cannot make a difference. 2000-01-01. */
const MODIFIED_AT = new Date(946_684_800_000);

/**
 * @param folder the project, as an absolute path
 * @param isWanted see `listSourceFiles`
 * @throws {PlatformError} `SOURCE_TOO_LARGE`, `SOURCE_TOO_MANY_FILES`, `SOURCE_INVALID`
 */
export async function packSource(
  folder: string,
  bounds?: SourceBounds,
  isWanted?: (path: string) => boolean,
): Promise<Packed> {
  const source = await listSourceFiles(folder, bounds, isWanted);
  if (source.files.length === 0) {
    throw new PlatformError("SOURCE_INVALID", [`folder ${folder} has no files to deploy`]);
  }
  const { files, bytes, skipped } = source;
  return {
    summary: { files: files.length, bytes, skipped },
    stream: tarStream(
      folder,
      files.map(({ path }) => path),
    ),
  };
}

function tarStream(folder: string, paths: readonly string[]): ReadableStream<Uint8Array> {
  const options = {
    cwd: folder,
    gzip: true,
    portable: true,
    mtime: MODIFIED_AT,
    // Links were checked and are packed as what they lead to.
    follow: true,
    noDirRecurse: true,
    strict: true,
  } as const;
  let chunks: AsyncIterator<Uint8Array> | null = null;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          // A path that begins with @ would be read as an archive of its own.
          if (chunks === null) {
            const archive = create(
              options,
              paths.map((path) => `./${path}`),
            );
            // It reads ahead: what it cannot read once nobody takes any more is nobody's concern.
            archive.on("error", () => {});
            chunks = archive[Symbol.asyncIterator]();
          }
          const next = await chunks.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        } catch (error) {
          throw new PlatformError("SOURCE_INVALID", ["a file changed while it was packed"], {
            cause: error,
          });
        }
      },
      async cancel() {
        await chunks?.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
