/**
 * An app that works on after its answer, and knows when it sleeps: an order is answered at once and its receipt written
 * later; the database is closed before the process is frozen and opened again before the next request.
 */
import { Database } from "bun:sqlite";
import { keepAwake, onResume, onStandby, waitUntil } from "levain";

const file = `${process.env["TMPDIR"] ?? "."}/orders.sqlite`;
let database = open();
let sleptMs = 0;

onStandby(() => database.close());
onResume((nap) => {
  sleptMs = nap.sleptMs;
  database = open();
});

function open(): Database {
  const opened = new Database(file);
  opened.run("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT, receipt TEXT)");
  return opened;
}

/** Takes as long as a slow mail server. */
async function writeReceipt(id: number | bigint, item: string, ms: number): Promise<void> {
  await Bun.sleep(ms);
  database.run("UPDATE orders SET receipt = ? WHERE id = ?", [`1 × ${item}, thank you`, id]);
  console.log(`receipt ${id} is written`);
}

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (request.method === "POST" && pathname === "/orders") {
      const item = searchParams.get("item") ?? "bread";
      const { lastInsertRowid: id } = database.run("INSERT INTO orders (item) VALUES (?)", [item]);
      const ms = Number(searchParams.get("ms") ?? 3000);
      waitUntil(writeReceipt(id, item, ms), { name: `receipt ${id}` });
      return Response.json({ id: Number(id) }, { status: 202 });
    }
    if (request.method === "POST" && pathname === "/report") {
      // Work that no request waits for: the process stays awake until the end of this function.
      void (async () => {
        using _awake = keepAwake("report");
        for (let round = 0; round < 10; round++) await Bun.sleep(500);
        console.log("the report is done");
      })();
      return new Response("the report is under way\n", { status: 202 });
    }
    const orders = database.query("SELECT id, item, receipt FROM orders ORDER BY id").all();
    return Response.json({ sleptMs: Math.round(sleptMs), orders });
  },
};
