/** Keeps memory of the kernel's in sockets that nobody reads. */
import { attack } from "../attack.ts";
import { call, KernelError } from "../kernel.ts";
import { AF_UNIX, SOCK_STREAM } from "../sockets.ts";

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const MSG_DONTWAIT = 0x40;

/** More than an attacker's limit. Bytes. */
const enoughBytes = 400 * 1024 * 1024;

export default attack(() => ({
  it: async () => {
    const piece = new Uint8Array(64 * 1024).fill(1);
    let bytes = 0;
    for (let pair = 0; pair < 2000 && bytes < enoughBytes; pair++) {
      const fds = new Int32Array(2);
      call("socketpair", AF_UNIX, SOCK_STREAM, 0, fds);
      call("setsockopt", fds[0]!, SOL_SOCKET, SO_SNDBUF, new Int32Array([4 * 1024 * 1024]), 4);
      try {
        for (;;) bytes += call("sendto", fds[0]!, piece, piece.length, MSG_DONTWAIT, 0, 0);
      } catch (error) {
        if (!(error instanceof KernelError && error.code === "EAGAIN")) throw error;
      }
      await Bun.sleep(1);
    }
    return bytes < enoughBytes ? "less than enough" : "got 400 MiB";
  },
}));
