/** Goal: room is made in the cheapest order, not too early, not too often, and never from what is in use. */
import { describe, expect, test } from "bun:test";
import { decideRelief, type IdleHolder, type MemorySums, memoryLevel } from "./memory-rule.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

const plenty: MemorySums = {
  budgetBytes: 1000,
  usedBytes: 500,
  wantedBytes: 0,
  totalBytes: 4 * GiB,
  availableBytes: 2 * GiB,
  availableBytesMin: 128 * MiB,
  pressure: { some: 0, full: 0 },
};

describe("the level is", () => {
  test.each<[string, Partial<MemorySums>, string]>([
    ["calm below 90 %", { usedBytes: 900 }, "calm"],
    ["short from there", { usedBytes: 901 }, "short"],
    ["over beyond the budget", { usedBytes: 1001 }, "over"],
    ["short when a start does not fit", { usedBytes: 500, wantedBytes: 501 }, "short"],
    ["calm when a start fits", { usedBytes: 500, wantedBytes: 500 }, "calm"],
    ["over when the machine has too little left", { availableBytes: 127 * MiB }, "over"],
  ])("%s", (_what, change, level) => {
    expect(memoryLevel({ ...plenty, ...change }, "calm")).toBe(level as never);
  });

  test("short until use is down to 80 %, so that it does not come and go", () => {
    const at = (usedBytes: number, before: "calm" | "short" | "over") =>
      memoryLevel({ ...plenty, usedBytes }, before);

    expect([at(850, "calm"), at(850, "short"), at(850, "over")]).toEqual([
      "calm",
      "short",
      "short",
    ]);
    expect([at(800, "short"), at(801, "short")]).toEqual(["calm", "short"]);
  });

  test("led by pressure only while memory is scarce", () => {
    const at = (some: number, full: number, availableBytes: number, before: "calm" | "short") =>
      memoryLevel({ ...plenty, pressure: { some, full }, availableBytes }, before);

    expect(at(0.5, 0.5, 2 * GiB, "calm")).toBe("calm");
    expect(at(0.1, 0, GiB - 1, "calm")).toBe("short");
    expect(at(0.06, 0, GiB - 1, "calm")).toBe("calm");
    expect(at(0.06, 0, GiB - 1, "short")).toBe("short");
    expect(at(0.2, 0.05, GiB - 1, "calm")).toBe("over");
  });

  test("found without pressure where the kernel reports none", () => {
    expect(memoryLevel({ ...plenty, pressure: null, usedBytes: 950 }, "calm")).toBe("short");
  });
});

interface Named extends IdleHolder {
  name: string;
}

const app = (name: string, change: Partial<IdleHolder> = {}): Named => ({
  name,
  state: "warm",
  ramBytes: 20 * MiB,
  idleMs: 10_000,
  mayStop: true,
  isSuperseded: false,
  isMinimum: true,
  isPageable: true,
  ...change,
});

/** The step as `page a`, or null. */
function step(level: "calm" | "short" | "over" | "awaited", ...idle: Named[]): string | null {
  const relief =
    level === "awaited" ? decideRelief("short", true, idle) : decideRelief(level, false, idle);
  return relief === null ? null : `${relief.kind} ${relief.holder.name}`;
}

describe("the next step is", () => {
  test("none while memory is not short", () => {
    expect(step("calm", app("a"), app("old", { isSuperseded: true }))).toBeNull();
  });

  test("to end a version that is live nowhere, before all others", () => {
    const old = app("old", { isSuperseded: true, idleMs: 10 });

    expect(step("short", app("a", { state: "frozen" }), old)).toBe("stop old");
  });

  test("to page the one that is frozen longest, before a warm one is frozen", () => {
    const younger = app("b", { state: "frozen", idleMs: 50_000 });

    expect(step("short", app("a"), younger, app("c", { state: "frozen", idleMs: 60_000 }))).toBe(
      "page c",
    );
  });

  test("to freeze the one that is idle longest, when nothing can be paged", () => {
    const paged = app("a", { state: "paged", ramBytes: 1000 });
    const inVain = app("b", { state: "frozen", isPageable: false });

    expect(
      step("short", paged, inVain, app("c", { idleMs: 2000 }), app("d", { idleMs: 3000 })),
    ).toBe("freeze d");
  });

  test("to page what a paged one has kept, when nothing is left to freeze, before one is stopped", () => {
    const kept = app("a", { state: "paged", ramBytes: 2 * MiB });
    const stays = app("b", { state: "frozen", isPageable: false, idleMs: 60_000 });

    expect(step("short", kept, stays, app("c"))).toBe("freeze c");
    expect(step("short", kept, stays)).toBe("page a");
    expect(step("short", { ...kept, isPageable: false }, stays)).toBe("stop b");
  });

  test("to leave alone what was used a moment ago, unless the machine suffers", () => {
    const used = app("a", { idleMs: 900 });

    expect([step("short", used), step("over", used)]).toEqual([null, "freeze a"]);
  });

  test("to stop whoever may be stopped and is idle longest, when all are frozen and cannot be paged", () => {
    const frozen = { state: "frozen", isPageable: false } as const;

    expect(
      step(
        "short",
        app("a", { ...frozen, idleMs: 30_000 }),
        app("b", { ...frozen, idleMs: 40_000 }),
        app("keeps", { ...frozen, idleMs: 50_000, mayStop: false }),
      ),
    ).toBe("stop b");
  });

  test("to stop surplus instances before the last of a version", () => {
    const frozen = { state: "frozen", isPageable: false } as const;
    const surplus = app("b", { ...frozen, isMinimum: false });

    expect(step("short", app("a", { ...frozen, idleMs: 60_000 }), surplus)).toBe("stop b");
  });

  test("to stop what keeps its memory only when the machine suffers", () => {
    const keeps = app("a", { state: "frozen", isPageable: false, mayStop: false });

    expect([step("short", keeps), step("over", keeps)]).toEqual([null, "stop a"]);
  });

  test("to stop what keeps its memory for a start that waits, when it was not used for a minute", () => {
    const keeps = { state: "frozen", isPageable: false, mayStop: false } as const;
    const recent = app("a", { ...keeps, idleMs: 59_000 });
    const forgotten = app("b", { ...keeps, idleMs: 60_000 });
    const dispensable = app("c", { ...keeps, mayStop: true });

    expect([step("short", forgotten), step("awaited", recent)]).toEqual([null, null]);
    expect(step("awaited", recent, forgotten)).toBe("stop b");
    expect(step("awaited", recent, forgotten, dispensable)).toBe("stop c");
  });

  test("not to stop what would give nothing, unless it is all there is and the machine suffers", () => {
    const paged = app("a", { state: "paged", ramBytes: 1000 });

    expect([step("short", paged), step("over", paged)]).toEqual([null, "stop a"]);
    expect(step("over", paged, app("b", { state: "frozen", isPageable: false, idleMs: 1 }))).toBe(
      "stop b",
    );
  });
});
