/** Carries out what `zram.ts` has planned, and takes it back when a step fails. */
import {
  accessSync,
  constants,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { messageOf, PlatformError } from "../base/errors.ts";
import {
  FIRST_DEVICE,
  showZramStep,
  type ZramPlan,
  type ZramSources,
  type ZramStep,
  zramSteps,
  zramUndoSteps,
} from "./zram.ts";

/**
 * Sets the swap area up.
 *
 * @returns name of its device, such as `zram0`
 * @throws {PlatformError} `ZRAM_SETUP_FAILED`; nothing is left of it then, but a module that was loaded
 */
export function setUpZram(plan: ZramPlan): string {
  const device = plan.device ?? FIRST_DEVICE;
  const steps = zramSteps(plan);
  for (const [index, step] of steps.entries()) {
    try {
      carryOut(step);
    } catch (error) {
      if (index > 0) undo(device);
      throw error;
    }
  }
  return device;
}

/** What `zram.ts` decides by, of this machine. */
export function zramSources(): ZramSources {
  return {
    uid: process.getuid?.() ?? -1,
    read: (path) => orNull(() => readFileSync(path, "utf8")),
    list: (path) => orNull(() => readdirSync(path)) ?? [],
    link: (path) => orNull(() => readlinkSync(path)),
    which,
  };
}

/** @throws {PlatformError} `ZRAM_SETUP_FAILED` */
function carryOut(step: ZramStep): void {
  const failed = (why: string) => new PlatformError("ZRAM_SETUP_FAILED", [showZramStep(step), why]);
  if (step.kind === "write") {
    try {
      return writeFileSync(step.path, step.text);
    } catch (error) {
      throw failed(messageOf(error));
    }
  }
  const [program = "", ...args] = step.argv;
  const path = which(program);
  if (path === null) throw failed("there is no such program");
  const { exitCode, stderr } = Bun.spawnSync([path, ...args], { stdout: "ignore" });
  if (exitCode !== 0) throw failed(stderr.toString().trim() || `exit code ${exitCode}`);
}

function undo(device: string): void {
  for (const step of zramUndoSteps(device)) {
    try {
      carryOut(step);
    } catch {
      // It was not there yet.
    }
  }
}

/** As root's own shell finds it: a PATH that came from an ordinary user has no sbin. */
function which(program: string): string | null {
  const own = (process.env["PATH"] ?? "").split(":").filter((folder) => folder !== "");
  for (const folder of [...own, "/usr/sbin", "/sbin", "/usr/bin", "/bin"]) {
    const path = join(folder, program);
    if (orNull(() => accessSync(path, constants.X_OK) ?? true) !== null) return path;
  }
  return null;
}

function orNull<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch {
    return null;
  }
}
