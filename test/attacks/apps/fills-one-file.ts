/** Makes one file as large as the disk, without writing it. */
import { ftruncateSync, openSync } from "node:fs";
import { attack } from "../attack.ts";

export default attack(() => ({
  it: () => {
    const fd = openSync(`${process.env["HOME"]}/large`, "w");
    process.on("SIGXFSZ", () => {});
    ftruncateSync(fd, 2 ** 42);
  },
}));
