/** Computes on more threads than there are processors. */
import { attack } from "../attack.ts";

export default attack(() => ({
  it: async () => {
    const url = URL.createObjectURL(new Blob(["for (;;);"], { type: "application/javascript" }));
    const workers = Array.from({ length: 8 }, () => new Worker(url));
    await Bun.sleep(1500);
    for (const worker of workers) worker.terminate();
    return "ran";
  },
}));
