/** A node with two edges and one app that is asked for, which prints the pids of all three and waits to be killed. */
import { join } from "node:path";
import { startTestLaneWithEdges } from "../lane-for-tests.ts";

const folder = join(import.meta.dir, "../../src/pool/fixtures");
const lane = await startTestLaneWithEdges({ shop: { folder, entry: "behaves.ts" } }, 2);
const pid = Number(await (await lane.fetch("shop", "/pid")).text());
console.log([pid, ...lane.lane.edges().map((edge) => edge.pid)].join(" "));
