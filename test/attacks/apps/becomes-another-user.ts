/** Takes on another user, more rights, or what a set-user-id program gives. */
import { readFileSync } from "node:fs";
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const PR_SET_NO_NEW_PRIVS = 38;
const LINUX_CAPABILITY_VERSION_3 = 0x2008_0522;

export default attack(({ dataDir }) => {
  const status = (name: string) =>
    new RegExp(`^${name}:\\s*(.*)$`, "m").exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  return {
    root: () => call("setuid", 0),
    "root as saved user": () => call("setresuid", -1, -1, 0),
    "another group": () => call("setgroups", 1, new Uint32Array([0])),
    capabilities: () =>
      call(
        "capset",
        new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0]),
        new Uint32Array([0xffff_ffff, 0xffff_ffff, 0, 0, 0xffff_ffff, 0]),
      ),
    "take no_new_privs back": () => call("prctl", PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0),
    "capabilities it has": () => (/^0+$/.test(status("CapEff")!) ? "none" : "some"),
    no_new_privs: () => (status("NoNewPrivs") === "1" ? "is on" : "is off"),
    "a file for root only": () => void readFileSync(`${dataDir}/node.json`),
  };
});
