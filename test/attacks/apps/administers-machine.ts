/** Does what only root may do to a machine; each call is one that fails for another reason where it is allowed. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

export default attack(() => ({
  "host name": () => call("sethostname", "levain-attack", -1),
  clock: () => call("settimeofday", new BigInt64Array([-1n, -1n]), 0),
  // The magic numbers are wrong.
  reboot: () => call("reboot", 0, 0, 0, 0),
  "kernel module": () => call("init_module", 0, 0, ""),
  kexec: () => call("kexec_load", 0, -1, 0, 0),
  swap: () => call("swapon", "/does-not-exist", 0),
  "kernel's log": () => call("syslog", 3, Buffer.alloc(64), 64),
  quota: () => call("quotactl", 0x80000700, "/does-not-exist", 0, 0),
}));
