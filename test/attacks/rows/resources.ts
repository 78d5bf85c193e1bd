/** On what the machine has only so much of. */
import type { Attack } from "../attacks.ts";

/** Of an app that is answered when it is ended, not before. */
const endedLimits = { requestTimeoutMs: 20_000, memoryBytesMax: 256 * 1024 * 1024 };

export const resourceAttacks: readonly Attack[] = [
  {
    app: "uses-memory",
    tries: "take memory on the heap",
    by: "memory limit",
    gets: { it: "502 OUT_OF_MEMORY" },
    config: { limits: { requestTimeoutMs: 20_000, memoryBytesMax: 128 * 1024 * 1024 } },
    codes: ["OUT_OF_MEMORY"],
  },
  {
    app: "uses-memory-files",
    tries: "take memory in files without a name",
    by: "memory limit",
    gets: { it: "502 OUT_OF_MEMORY" },
    config: { limits: endedLimits },
    codes: ["OUT_OF_MEMORY"],
  },
  {
    app: "uses-shared-segments",
    tries: "take memory in System V segments",
    by: "filter",
    gets: { it: "EPERM" },
  },
  {
    app: "uses-socket-buffers",
    tries: "take memory in socket buffers",
    by: "memory limit",
    gets: { it: "502 OUT_OF_MEMORY" },
    // The kernel does not say whose they are where no group counts them.
    asUser: { it: "got 400 MiB or 502 OUT_OF_MEMORY" },
    config: { limits: endedLimits },
  },
  {
    app: "locks-memory",
    tries: "pin its memory",
    by: "rlimit",
    gets: { it: "ENOMEM" },
  },
  {
    app: "opens-files-without-end",
    tries: "open files without end",
    by: "rlimit",
    gets: { it: "EMFILE" },
  },
  {
    app: "starts-processes-without-end",
    tries: "fork bomb",
    by: "process limit",
    // All that a process has open and mapped is counted again for each copy.
    gets: { it: "EAGAIN or 502 OUT_OF_MEMORY" },
    asUser: { it: "502 OUT_OF_MEMORY or 502 PROCESSES_EXCEEDED" },
    config: { limits: { ...endedLimits, processesMax: 100 } },
  },
  {
    app: "starts-threads-without-end",
    tries: "thread bomb",
    by: "process limit",
    gets: { it: "EAGAIN" },
    asUser: { it: "502 PROCESSES_EXCEEDED" },
    config: { limits: { ...endedLimits, processesMax: 100 } },
  },
  {
    app: "fills-disk",
    tries: "fill the disk with bytes",
    by: "disk limit",
    gets: { it: "502 DISK_EXCEEDED" },
    config: { limits: { ...endedLimits, diskBytesMax: 32 * 1024 * 1024 } },
    codes: ["DISK_EXCEEDED"],
  },
  {
    app: "fills-one-file",
    tries: "make one huge file",
    by: "rlimit",
    gets: { it: "EFBIG" },
  },
  {
    app: "fills-inodes",
    tries: "fill the disk with empty files",
    by: "disk limit",
    gets: { it: "502 DISK_EXCEEDED" },
    config: { limits: { ...endedLimits, diskFilesMax: 1000 } },
    codes: ["DISK_EXCEEDED"],
  },
  {
    app: "dumps-core",
    tries: "leave core dumps",
    by: "rlimit",
    gets: {
      "bytes of a core file": "none",
      "more, by asking": "EPERM",
      "core files there are": "none",
    },
  },
  {
    app: "floods-output",
    tries: "print without end",
    by: "output budget",
    gets: { it: "printed" },
  },
  {
    app: "blocks-event-loop",
    tries: "loop for ever",
    by: "deadline; pings",
    gets: { it: "502 APP_UNRESPONSIVE or 504 APP_RESPONSE_TIMEOUT" },
  },
  {
    app: "blocks-in-native-code",
    tries: "wait for ever in a call",
    by: "deadline; pings",
    gets: { it: "502 APP_UNRESPONSIVE or 504 APP_RESPONSE_TIMEOUT" },
  },
  {
    app: "floods-timers",
    tries: "set timers without end",
    by: "a process of its own",
    gets: { it: "ran" },
  },
  {
    app: "churns-memory",
    tries: "make garbage without end",
    by: "a process of its own",
    gets: { it: "ran" },
  },
  {
    app: "uses-all-processors",
    tries: "compute on many threads",
    by: "scheduler; CPU share",
    gets: { it: "ran" },
  },
];
