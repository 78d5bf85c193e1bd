/** Opens devices. */
import { openSync } from "node:fs";
import { attack, each } from "../attack.ts";
import { call } from "../kernel.ts";

const S_IFCHR = 0o020000;
const AT_FDCWD = -100;

export default attack(() => ({
  "those of the machine": () =>
    each(
      ["/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/zram0"],
      (path) => {
        openSync(path, "r+");
      },
    ),
  "one made by itself": () =>
    call("mknodat", AT_FDCWD, `${process.env["TMPDIR"]}/device`, S_IFCHR | 0o600, (1 << 8) | 1),
}));
