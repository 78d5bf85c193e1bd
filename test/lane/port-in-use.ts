/** Tries to start a lane on a port that is taken, and prints its data directory and why it cannot. Argument: the port. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { startLane } from "../../src/lane.ts";
import { emptyRouteTable } from "../../src/router/route-table.ts";

const dataDir = mkdtempSync(join(tmpdir(), "levain-lane-"));
try {
  startLane({
    dataDir,
    hostname: "127.0.0.1",
    port: Number(process.argv[2]),
    domain: "localhost",
    trustedProxies: [],
    sparesMax: 2,
    instancesMax: 100,
    bundlesDir: join(dataDir, "runner"),
    routeTable: emptyRouteTable,
    artifactPath: (digest) => digest,
    log: { write: () => {} },
    requests: { write: () => {} },
    clock: systemClock,
  });
} catch (error) {
  rmSync(dataDir, { recursive: true });
  console.log(dataDir, (error as NodeJS.ErrnoException).code);
}
