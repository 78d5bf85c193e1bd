/** Never gives its thread back: an endless loop. */
import { attack } from "../attack.ts";

export default attack(() => ({
  it: () => {
    for (;;);
  },
}));
