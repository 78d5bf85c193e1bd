/**
 * An app that works while its database is copied: sessions that ask and write in closed loops. Each line on stdin is
 * answered with the queries since the last one: how many, how many failed, and the longest time that one took.
 *
 *   bun bench/branch-copy-client.ts <url> <sessions>
 */
import pg from "pg";

const [url = "", sessions = "4"] = process.argv.slice(2);
let queries = 0;
let errors = 0;
let longestMs = 0;

async function work(): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  for (let count = 0; ; count += 1) {
    const startedAtMs = performance.now();
    try {
      if (count % 10 === 0) await client.query("INSERT INTO clicks VALUES (now())");
      else await client.query("SELECT pad FROM pages WHERE id = $1", [count % 1000]);
      queries += 1;
    } catch (error) {
      errors += 1;
      console.error(String(error));
    }
    longestMs = Math.max(longestMs, performance.now() - startedAtMs);
  }
}

for (let index = 0; index < Number(sessions); index += 1) void work();
for await (const line of console) {
  if (line === "end") break;
  console.log(JSON.stringify({ queries, errors, longestMs }));
  [queries, errors, longestMs] = [0, 0, 0];
}
process.exit();
