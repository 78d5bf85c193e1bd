/**
 * Goal: what one process of an app leaves in a folder that it was given, the next one can use. Method: a whole node that
 * is root, and two versions of an app that add to one file.
 */
import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Inspection } from "../src/control/api.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const app = `
import { appendFileSync, readFileSync } from "node:fs";
const file = process.env.FOLDER + "/visits";
export default {
  fetch() {
    appendFileSync(file, "x");
    return new Response(readFileSync(file, "utf8"));
  },
};`;

async function deploy(node: TestNode, project: string, folder: string): Promise<void> {
  writeFileSync(join(project, "package.json"), '{ "name": "diary" }');
  writeFileSync(join(project, "index.js"), app);
  const config = {
    env: { FOLDER: folder },
    healthPath: "/health",
    permissions: { write: [folder] },
  };
  writeFileSync(join(project, "levain.config.json"), JSON.stringify(config));
  const { code, stdout } = await node.cli(["deploy", project]);
  if (code !== 0) throw new Error(stdout);
}

test.if(process.getuid?.() === 0)(
  "the next version goes on where the last one stopped, by the app's group",
  async () => {
    const root = mkdtempSync(join(tmpdir(), "levain-write-"));
    const [project, folder] = [join(root, "project"), join(root, "uploads")];
    mkdirSync(project);
    mkdirSync(folder);
    chmodSync(root, 0o711);
    try {
      await using node = await startTestNode({ flags: ["--write-roots", root] });
      // Before the app has its folder, it says which group to give it to.
      chmodSync(folder, 0o777);
      await deploy(node, project, folder);
      const { json } = await node.cli(["inspect", "diary"]);
      const { uid, gid } = (json.data as Inspection).processes[0]!.sandbox;
      expect(gid).not.toBe(uid);
      rmSync(join(folder, "visits"));
      chownSync(folder, 0, gid);
      chmodSync(folder, 0o2770);

      const first = await (await node.fetch("diary", "/")).text();
      await deploy(node, project, folder);
      const second = await (await node.fetch("diary", "/")).text();

      expect(first).toBe("x");
      // The boot check of the second version was a visit too.
      expect(second).toBe("xxx");
      expect(readFileSync(join(folder, "visits"), "utf8")).toBe("xxx");
    } finally {
      rmSync(root, { recursive: true });
    }
  },
  60_000,
);
