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
  {
    name: "writes-everywhere",
    tries: "a configuration that lets the app write to `/etc`",
    by: "what may be written to is the operator's to say",
    upload: () => configured({ permissions: { write: ["/etc"] } }),
    gets: "WRITE_NOT_GRANTED",
  },
];

/** A project whose configuration asks for more than an app may have. */
function configured(config: object): Uint8Array<ArrayBuffer> {
  return archive([app, { path: "levain.config.json", body: JSON.stringify(config) }]);
}

export interface BuildAttack {
  /** Name of its script in builds/, and of its app. */
  name: string;
  tries: string;
  by: string;
  /** Where the script is run: as the configuration file, or as its `build` command. */
  as: "config" | "build";
  gets: Report;
  /** What is different when the node has an ordinary user. */
  asUser?: Report;
}

export const buildAttacks: readonly BuildAttack[] = [
  {
    name: "reads-node",
    tries: "a build that reads the node's token, files and process",
    by: "Landlock; file modes",
    as: "build",
    gets: {
      "the admin token": "EACCES",
      "any file of the data directory": "EACCES",
      "the data directory": "EACCES",
      "the node's environment": "EACCES",
      "the node's memory": "EACCES",
      "the node's open files": "EACCES",
    },
  },
  {
    name: "reads-other-builds",
    tries: "a build that reads another app's project, packages, artifact and files",
    by: "Landlock",
    as: "build",
    gets: {
      "another app's project": "EACCES",
      "another app's packages": "EACCES",
      "which builds there are": "EACCES",
      "another app's artifact": "EACCES",
      "another app's files": "EACCES",
    },
  },
  {
    name: "writes-outside",
    tries: "a build that writes to the machine, the node, other apps",
    by: "Landlock",
    as: "build",
    gets: {
      "folders of the machine": "EACCES",
      "the data directory": "EACCES",
      "the programs of builds": "EACCES",
      "another app's project": "EACCES",
      "another app's packages": "EACCES",
      "another app's artifact": "EACCES",
      "the runtime": "EACCES",
    },
  },
  {
    name: "leaves-daemon",
    tries: "a build that leaves a daemon behind",
    by: "its processes are followed; user id",
    as: "build",
    gets: { "pid of the daemon": "it ended with the build" },
  },
  {
    name: "harms-processes",
    tries: "a build that signals, traces and limits the node and apps",
    by: "Landlock scope; filter",
    as: "build",
    gets: {
      "signal the node": "EPERM",
      "end another app": "EPERM",
      "trace another app": "EPERM",
      "lower another app's limits": "EPERM",
    },
  },
  {
    name: "connects-out",
    tries: "a build that connects to what its app may not",
    by: "Landlock, by port; filter; admin token",
    as: "build",
    gets: {
      "a service of this machine": "EACCES",
      "by multipath TCP": "EAFNOSUPPORT",
      "by UDP": "EAFNOSUPPORT",
      "the admin port": "EACCES",
      "the node's commands by socket": "EACCES",
    },
    asUser: { "the node's commands by socket": "401" },
  },
  {
    name: "configuration-reads-node",
    tries: "a `levain.config.ts` that reads, writes, connects and signals",
    by: "Landlock",
    as: "config",
    gets: {
      "the admin token": "EACCES",
      "any file of the data directory": "EACCES",
      "the node's environment": "EACCES",
      "another app's project": "EACCES",
      "its own project, for writing": "EACCES",
      "a service of this machine": "EACCES",
      "end another app": "EPERM",
    },
  },
  {
    name: "configuration-starts-programs",
    tries: "a `levain.config.ts` that starts programs and leaves one behind",
    by: "Landlock, inherited; its processes are followed",
    as: "config",
    gets: { "cat of the admin token": "refused", "pid of the daemon": "it ended with the build" },
  },
];
