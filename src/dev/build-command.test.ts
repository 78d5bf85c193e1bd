import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBuildCommand } from "./build-command.ts";

test("a build command that takes longer than its bound is ended, and its last lines are told", async () => {
  const failed = runBuildCommand({
    folder: tmpdir(),
    command: "echo out; echo err >&2; sleep 300",
    env: {},
    mark: join(tmpdir(), `levain-mark-${crypto.randomUUID()}`),
    timeoutMs: 2000,
    signal: new AbortController().signal,
  });

  await expect(failed).rejects.toMatchObject({
    code: "BUILD_TIMEOUT",
    detail: { lastLines: ["out", "err"] },
  });
});
