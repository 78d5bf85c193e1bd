/** Makes garbage as fast as it can: collectors of all threads run all the time. */
import { attack } from "../attack.ts";

export default attack(() => ({
  it: async () => {
    const until = performance.now() + 1500;
    let kept: unknown[] = [];
    while (performance.now() < until) {
      kept = Array.from({ length: 50_000 }, (_, index) => ({ index, text: `${index}`.repeat(4) }));
      await Bun.sleep(0);
    }
    return kept.length > 0 ? "ran" : "nothing";
  },
}));
