/**
 * PostgreSQL's own manifest of a base backup, and whether the files that came are those it lists. Files of the log of
 * changes are not in it; recovery checks these.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { TarFile, TarSink } from "./tar-reader.ts";

const clusterManifest = z.object({
  "PostgreSQL-Backup-Manifest-Version": z.int(),
  Files: z.array(
    z.object({
      Path: z.string().optional(),
      /** In hex, of a path that is not UTF-8. */
      "Encoded-Path": z.string().optional(),
      Size: z.int(),
      "Checksum-Algorithm": z.string().optional(),
      Checksum: z.string().optional(),
    }),
  ),
});

export class ClusterCheck {
  readonly #seen = new Map<string, { bytes: number; sha256: string }>();

  /** For one file of the base backup. */
  open({ path, bytes }: TarFile): TarSink {
    const hasher = createHash("sha256");
    return {
      data: (piece) => void hasher.update(piece),
      end: () => void this.#seen.set(path, { bytes, sha256: hasher.digest("hex") }),
    };
  }

  /** @throws naming what is missing, wrong, or too much */
  against(text: string): void {
    assertWhole(text);
    // Its system identifier is a number that JavaScript has no room for; the files are what counts here.
    const { Files } = clusterManifest.parse(JSON.parse(text));
    const seen = new Map(this.#seen);
    for (const file of Files) {
      const path = file.Path ?? Buffer.from(file["Encoded-Path"] ?? "", "hex").toString("latin1");
      const found = seen.get(path);
      if (found === undefined) throw new Error(`${path} of PostgreSQL's manifest is missing`);
      if (found.bytes !== file.Size) {
        throw new Error(`${path} has ${found.bytes} bytes, not ${file.Size}`);
      }
      if (file["Checksum-Algorithm"] !== "SHA256" || found.sha256 !== file.Checksum) {
        throw new Error(
          `${path} is not what PostgreSQL's manifest says: its sha256 is another one`,
        );
      }
      seen.delete(path);
    }
    for (const path of seen.keys()) {
      if (!path.startsWith("pg_wal/")) throw new Error(`${path} is not in PostgreSQL's manifest`);
    }
  }
}

/** Its last line has the sha256 of all lines before it. */
function assertWhole(text: string): void {
  const at = text.lastIndexOf('"Manifest-Checksum"');
  const given = /^"Manifest-Checksum": "([0-9a-f]{64})"\}\s*$/.exec(text.slice(at))?.[1];
  const is = createHash("sha256")
    .update(text.slice(0, Math.max(at, 0)))
    .digest("hex");
  if (given !== is) throw new Error("PostgreSQL's manifest is not whole");
}
