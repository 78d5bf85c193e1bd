/** An app that ends its process: as under plain Bun, with the error in its output and its last answers on the wire. */
import { describe, expect, test } from "bun:test";
import { TestRunner } from "./runner-for-tests.ts";

/** Asks for `path` and waits for the process to end. */
async function crash(path: string) {
  await using runner = await TestRunner.start("crashes.ts");
  const answer = await runner.ask(path).then(
    ({ text }) => text,
    (error) => error.code ?? error.reason,
  );
  await runner.ended;
  const { exitCode, signalCode } = runner.child;
  return { answer, exitCode, signalCode, stdout: runner.stdout, stderr: runner.stderr };
}

describe("an error that nobody catches", () => {
  test.each([
    ["/throw-in-timer", "thrown in a timer"],
    ["/throw-in-event", "thrown in an event"],
    ["/unhandled", "nobody catches"],
  ])("ends the process: %s", async (path, message) => {
    const end = await crash(path);

    expect(end).toMatchObject({ exitCode: 1, answer: "APP_EXITED" });
    expect(end.stderr).toContain(message);
    expect(end.stderr).toContain("crashes.ts");
  });

  test("in a listener of the abort signal ends the process like any other", async () => {
    await using runner = await TestRunner.start("crashes.ts");
    const request = runner.request("/throw-in-abort");
    await runner.printed("stdout", (text) => text.includes("listening"));

    request.cancel();
    await runner.ended;

    expect(runner.child.exitCode).toBe(1);
    await runner
      .printed("stderr", (text) => text.includes("thrown in an abort listener"))
      .catch(() => {});
    expect(runner.stderr).toContain("thrown in an abort listener");
  });

  test("can be caught by the app", async () => {
    await using runner = await TestRunner.start("crashes.ts");

    expect((await runner.ask("/caught")).text).toBe("still here");
    await runner.printed("stdout", (text) => text.includes("caught in a timer"));

    expect((await runner.ask("/")).text).toBe("alive");
  });
});

describe("an app that ends", () => {
  test("by exit has its code, by a signal its signal", async () => {
    expect(await crash("/exit")).toMatchObject({ exitCode: 7, answer: "APP_EXITED" });
    expect(await crash("/kill")).toMatchObject({ signalCode: "SIGKILL", answer: "APP_EXITED" });
  });

  test("runs its own exit listeners", async () => {
    const end = await crash("/on-exit");

    expect(end.exitCode).toBe(5);
    expect(end.stdout).toContain("exit listener 5");
  });

  test("has its last answer delivered", async () => {
    expect(await crash("/answer-and-exit")).toMatchObject({ answer: "last words", exitCode: 0 });
    expect(await crash("/answer-and-throw")).toMatchObject({ answer: "last words", exitCode: 1 });
  });
});
