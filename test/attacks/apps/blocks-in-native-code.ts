/** Never gives its thread back either, in a call that no engine can interrupt. */
import { attack } from "../attack.ts";

export default attack(() => ({
  it: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
}));
