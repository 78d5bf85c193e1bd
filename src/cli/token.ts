/** `levain token`: the token of a data directory's admin API, or a new one. Needs no node that runs. */
import { existsSync } from "node:fs";
import { PlatformError } from "../base/errors.ts";
import {
  adminTokenPath,
  metricsTokenOf,
  readAdminToken,
  rotateAdminToken,
} from "../control/admin-token.ts";
import type { Verb } from "./verb.ts";

export const token: Verb = {
  name: "token",
  group: "Node",
  summary: "Print the token of the admin API, or make a new one",
  description:
    "Who has the token controls the node. The other commands read it from the data directory by " +
    "themselves; it is for programs, and for this command line on another machine (LEVAIN_TOKEN). " +
    "With --rotate the old one, and the one for metrics, are refused from that moment on, also by a node that runs.",
  flags: [
    ["--rotate", "make a new token; the old one ends"],
    ["--metrics", "the token that may only read /metrics"],
  ],
  examples: [
    ["levain token", "the token, and nothing else"],
    ["LEVAIN_TOKEN=$(levain token)", "keep it in a variable"],
    ["levain token --metrics", "the one for Prometheus"],
    ["levain token --rotate", "when somebody has seen it"],
  ],
  async run({ dataDir, flags }) {
    const isRotated = flags.rotate === true;
    const admin = isRotated ? rotate(dataDir) : readAdminToken(dataDir);
    if (admin === null) throw missing(dataDir);
    const shown = flags.metrics === true ? metricsTokenOf(admin) : admin;
    return {
      data: { token: shown, path: adminTokenPath(dataDir), isRotated },
      text: () => shown,
    };
  },
};

function rotate(dataDir: string): string {
  if (!existsSync(dataDir)) throw missing(dataDir);
  try {
    return rotateAdminToken(dataDir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM") throw error;
    const what = "this user may not write there";
    throw new PlatformError("ADMIN_TOKEN_UNREADABLE", [adminTokenPath(dataDir), what]);
  }
}

function missing(dataDir: string): PlatformError {
  return new PlatformError("ADMIN_TOKEN_UNREADABLE", [adminTokenPath(dataDir), "there is none"]);
}
