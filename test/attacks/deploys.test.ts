/**
 * Goal: what is sent to be deployed can neither leave its folder nor fill the disk. Method: archives that no packer makes,
 * sent to a real node by someone who has its token, while a neighbour is visited.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { AdminClient } from "../../src/cli/admin-client.ts";
import { type Arena, openArena } from "./arena.ts";
import { archiveAttacks } from "./rows/deploys.ts";
import { visitDuring } from "./visitor.ts";

const timeoutMs = 60_000;

let arena: Arena;

beforeAll(async () => {
  // Who runs the node makes no difference here.
  arena = await openArena(process.getuid?.() === 0 ? "root" : "user", []);
}, timeoutMs);

afterAll(async () => {
  await arena?.[Symbol.asyncDispose]();
}, timeoutMs);

/** How the deploy of an archive ended: the code of its error, or `deployed`. */
async function deploy(app: string, body: Uint8Array<ArrayBuffer>): Promise<string> {
  const client = new AdminClient({ dataDir: arena.node.dataDir });
  for await (const event of client.stream("deploy", { query: { app, folder: app }, body })) {
    if (event.type === "failed") return (event.error as { code: string }).code;
    if (event.type === "done") return "deployed";
  }
  return "nothing";
}

test.each(archiveAttacks.map((attack) => [attack.tries, attack] as const))(
  "%s is refused and leaves nothing",
  async (_tries, { name, upload, gets }) => {
    const bytes = await upload();

    const [visit, outcome] = await visitDuring(arena.node, "neighbour", () => deploy(name, bytes));

    expect(outcome).toBe(gets);
    expect(visit.failures).toEqual([]);
    expect(existsSync("/tmp/levain-attack-planted.ts")).toBe(false);
    const { dataDir } = arena.node;
    const names = readdirSync(dataDir, { recursive: true }).map(String);
    expect(names.filter((path) => path.includes("planted"))).toEqual([]);
    expect(names.filter((path) => path.startsWith(join("builds", name, "")))).toEqual([]);
  },
  timeoutMs,
);
