/** Keeps memory in System V segments, which outlive the process that made them. */
import { type Pointer, toArrayBuffer } from "bun:ffi";
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const IPC_PRIVATE = 0;
const IPC_RMID = 0;
const segmentBytes = 32 * 1024 * 1024;

export default attack(() => ({
  it: async () => {
    let segments = 0;
    while (segments < 20) {
      const id = call("shmget", IPC_PRIVATE, segmentBytes, 0o600);
      const at = call("shmat", id, 0, 0);
      // Marked to go with its last user, so that nothing stays where nobody clears up.
      call("shmctl", id, IPC_RMID, 0);
      new Uint8Array(toArrayBuffer(at as Pointer, 0, segmentBytes)).fill(1);
      segments += 1;
      await Bun.sleep(5);
    }
    return `got ${(segments * segmentBytes) / 1024 / 1024} MiB`;
  },
}));
