/** Makes calls by the x32 numbers, which a filter of the 64-bit ones does not know. */
import { attack } from "../attack.ts";
import { callNumber, numberOf } from "../kernel.ts";
import { AF_INET, SOCK_RAW } from "../sockets.ts";

const X32 = 0x4000_0000;

export default attack(() => ({
  "socket by its x32 number": () => callNumber(X32 + numberOf("socket"), AF_INET, SOCK_RAW, 1),
  "ptrace by its x32 number": () => callNumber(X32 + 521, 0, 0, 0, 0),
}));
