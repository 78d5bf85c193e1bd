/** Reaches for what is below Bun's documented functions: the same kernel is there. */
import { attack } from "../attack.ts";

const process = globalThis.process as unknown as { binding(name: string): unknown };

export default attack(({ dataDir, neighbour }) => {
  const table = `${dataDir}/route-table.json`;
  return {
    "process.binding": () => {
      const fs = process.binding("fs") as Record<string, (path: string, flags: number) => unknown>;
      try {
        return void fs["readFileUtf8"]!(table, 0);
      } catch (error) {
        if (String(error).includes("not implemented")) return "not implemented";
        throw error;
      }
    },
    "Bun.file": async () => void (await Bun.file(table).text()),
    "import of another app's file": async () =>
      void (await import(`${neighbour.artifact}/levain.config.json`)),
    "a worker": async () => {
      const source = `import { readFileSync } from "node:fs";
        try { readFileSync(${JSON.stringify(table)}); postMessage("got"); }
        catch (error) { postMessage(error.code); }`;
      const url = URL.createObjectURL(new Blob([source], { type: "application/javascript" }));
      const worker = new Worker(url);
      const said = Promise.withResolvers<string>();
      worker.onmessage = ({ data }) => said.resolve(data);
      worker.onerror = ({ message }) => said.reject(new Error(message));
      try {
        return await said.promise;
      } finally {
        worker.terminate();
      }
    },
    "bun:sqlite": async () => {
      const { Database } = await import("bun:sqlite");
      new Database(table, { readonly: true }).query("SELECT 1 FROM sqlite_schema").all();
    },
  };
});
