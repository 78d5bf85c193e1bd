/** Has the kernel make calls on its behalf, past a filter of system calls. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

export default attack(() => ({
  io_uring: () => call("io_uring_setup", 8, new Uint8Array(120)),
}));
