/** At a deploy: by the archive that is sent, the configuration and the build that are run. */
import type { Report } from "../attack.ts";
import { archive, archiveOfFiles, archiveOfZeros } from "../uploads.ts";

export interface ArchiveAttack {
  name: string;
  tries: string;
  by: string;
  upload(): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>;
  /** Code of the answer. */
  gets: string;
}

const app = { path: "index.ts", body: "export default { fetch: () => new Response() };" };
const gibibyte = 1024 ** 3;

export const archiveAttacks: readonly ArchiveAttack[] = [
  {
    name: "zip-bomb",
    tries: "a small archive that becomes 1 GiB",
    by: "bytes are counted as they expand",
    upload: () => archiveOfZeros(gibibyte),
    gets: "SOURCE_TOO_LARGE",
  },
  {
    name: "many-files",
    tries: "an archive of 200,000 files",
    by: "files are counted as they come",
    upload: () => archiveOfFiles(200_000),
    gets: "SOURCE_TOO_MANY_FILES",
  },
  {
    name: "path-up",
    tries: "a file whose path leads out of the project",
    by: "paths are checked",
    upload: () => archive([app, { path: "../../../planted.ts", body: "x" }]),
    gets: "SOURCE_INVALID",
  },
  {
    name: "path-absolute",
    tries: "a file with an absolute path",
    by: "paths are checked",
    upload: () => archive([app, { path: "/tmp/levain-attack-planted.ts", body: "x" }]),
    gets: "SOURCE_INVALID",
  },
  {
    name: "link-and-through",
    tries: "a symlink, and a file through it",
    by: "only files and folders are accepted",
    upload: () =>
      archive([
        app,
        { path: "out", type: "SymbolicLink", linkpath: "/tmp" },
        { path: "out/levain-attack-planted.ts", body: "x" },
      ]),
    gets: "SOURCE_INVALID",
  },
  {
    name: "hard-link",
    tries: "a hard link to a file of the machine",
    by: "only files and folders are accepted",
    upload: () => archive([app, { path: "shadow", type: "Link", linkpath: "/etc/passwd" }]),
    gets: "SOURCE_INVALID",
  },
  {
    name: "device",
    tries: "a device",
    by: "only files and folders are accepted",
    upload: () => archive([app, { path: "memory", type: "CharacterDevice" }]),
    gets: "SOURCE_INVALID",
  },
  {
    name: "short-file",
    tries: "a file that is longer than what follows",
    by: "the archive is read strictly",
    upload: () => archive([app, { path: "long.ts", bytes: 1e6, body: "short" }]),
    gets: "SOURCE_INVALID",
  },
  {
    name: "no-archive",
    tries: "bytes that are no archive",
    by: "the archive is read strictly",
    upload: () => new Uint8Array(100_000).fill(0x61),
    gets: "SOURCE_INVALID",
  },
];

export interface BuildAttack {
  /** Name of its script in builds/. */
  name: string;
  tries: string;
  by: string;
  /** Where the script is run: as the configuration file, or as its `build` command. */
  as: "config" | "build";
  gets: Report;
  asUser?: Report;
}

export const buildAttacks: readonly BuildAttack[] = [];
