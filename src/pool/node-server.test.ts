import { expect, test } from "bun:test";
import { join } from "node:path";
import { startTestLane } from "../../test/lane-for-tests.ts";

test("an app that listens with node:http is refused by name, not called live", async () => {
  await using target = startTestLane({
    app: { folder: join(import.meta.dir, "fixtures"), entry: "listens-with-node-http.ts" },
  });
  const pool = target.lane.pools.of(target.spec("app"));

  const error = await pool.start().catch((thrown: unknown) => thrown);

  expect(error).toMatchObject({ code: "NODE_SERVER_UNSUPPORTED" });
});
