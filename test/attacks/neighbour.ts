/**
 * An app that minds its own business, and knows when somebody has touched what is its own: each answer says what it
 * finds in its memory and in its files.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const kept = join(process.env["HOME"]!, "kept.txt");
const secret = "only the neighbour knows";
const memory = new Uint8Array(1024).fill(7);
if (!existsSync(kept)) writeFileSync(kept, secret);

export default {
  // With a WebSocket open it has a socket of its own in its folder.
  websocket: { message() {} },
  fetch(request: Request, server: Bun.Server<undefined>): Response | undefined {
    if (server.upgrade(request)) return;
    return Response.json({
      pid: process.pid,
      artifact: process.cwd(),
      run: join(process.env["HOME"]!, ".."),
      isWhole:
        memory.every((byte) => byte === 7) &&
        readFileSync(kept, "utf8") === secret &&
        readdirSync(process.env["TMPDIR"]!).length === 0,
    });
  },
};
