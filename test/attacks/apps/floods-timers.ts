/** Keeps its event loop busy with a million timers that set timers. */
import { attack } from "../attack.ts";

export default attack(() => ({
  it: async () => {
    const until = performance.now() + 1500;
    const again = () => {
      if (performance.now() < until) setTimeout(again, 0);
    };
    for (let timer = 0; timer < 200_000; timer++) setTimeout(again, timer % 10);
    await Bun.sleep(1500);
    return "ran";
  },
}));
