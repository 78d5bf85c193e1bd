/**
 * Goal: files are answered as RFC 9110 says, and as people expect of a host of static sites; nothing else is answered.
 * Method: each row of the table goes over a raw socket to a lane, twice, so that files are answered from disk and from
 * memory; and once more to an edge in a process of its own.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { prepareFiles } from "../../src/assets/prepare.ts";
import { type Answer, valuesOf } from "../http/answer-reader.ts";
import { converse } from "../http/raw-client.ts";
import { startTestLane, startTestLaneWithEdges, type TestLane } from "../lane-for-tests.ts";
import type { StaticCase } from "./case.ts";
import { hostilePaths } from "./hostile-paths.ts";
import { partCases } from "./part-cases.ts";
import { pathCases } from "./path-cases.ts";
import { type PreparedSite, prepareSite } from "./prepared-site.ts";
import { representationCases } from "./representation-cases.ts";
import { createdAtMs, files, headers, modules, redirects, texts } from "./site.ts";

const deadlineMs = 5000;
const cases = [...representationCases, ...partCases, ...pathCases];

function prepare(): Record<string, PreparedSite> {
  const { "404.html": _, "docs/404.html": __, ...others } = files;
  return {
    site: prepareSite(files, { redirects, headers }),
    spa: prepareSite(others, { spa: true }),
    both: prepareSite(files, { modules }),
    plain: prepareSite(others, { cleanUrls: false }),
  };
}

async function ask(lane: TestLane, one: StaticCase): Promise<Answer> {
  const { ask: line = "GET /", lines = [], app = "site" } = one;
  const [method = ""] = line.split(" ");
  const length = lines.find((text) => text.startsWith("Content-Length: "))?.slice(16) ?? "0";
  const text = `${[`${line} HTTP/1.1`, "Host: {host}", ...lines].join("\r\n")}\r\n\r\n${"x".repeat(Number(length))}`;
  const exchange = { port: lane.port, host: `${app}.localhost`, deadlineMs };
  const { answers, fault } = await converse({
    ...exchange,
    steps: [text],
    asked: [{ method }],
    finally: "leave",
  });
  expect(fault).toBeNull();
  const [answer] = answers;
  if (answer === undefined) throw new Error("there was no answer");
  expect(answer.complete).toBe(true);
  return answer;
}

function judge(one: StaticCase, answer: Answer): void {
  expect(answer.status).toBe(one.status);
  for (const [name, expected] of Object.entries(one.headers ?? {})) {
    const values = valuesOf(answer, name);
    if (expected === null) expect(values, name).toEqual([]);
    else if (typeof expected === "string") expect(values, name).toEqual([expected]);
    else expect(values.join(), name).toMatch(expected);
  }
  if (typeof one.body === "string") expect(answer.body.toString()).toBe(one.body);
  else if (one.body !== undefined) expect(answer.body.equals(one.body)).toBe(true);
}

describe.each(["one edge", "edges in processes of their own"])("%s", (how) => {
  let sites: Record<string, PreparedSite>;
  let lane: TestLane;
  beforeAll(async () => {
    sites = prepare();
    const apps = Object.fromEntries(
      Object.entries(sites).map(([name, { app }]) => [name, { ...app, createdAtMs }]),
    );
    lane = how === "one edge" ? startTestLane(apps) : await startTestLaneWithEdges(apps, 2);
  });
  afterAll(async () => {
    await lane.stop();
    for (const site of Object.values(sites)) site[Symbol.dispose]();
  });

  test.each(cases.map((one) => [one.claim, one] as const))("%s", async (_claim, one) => {
    judge(one, await ask(lane, one));
    judge(one, await ask(lane, one));
  });

  test("no path that tries more finds anything", async () => {
    const found: string[] = [];
    for (const path of hostilePaths) {
      const { status } = await ask(lane, { claim: "", ask: `GET ${path}`, status: 404 });
      if (status !== 404 && status !== 400) found.push(`${path} ${status}`);
    }

    expect(found).toEqual([]);
  });

  test("requests that are sent ahead are answered in their order", async () => {
    const paths = ["/style.css", "/nix", "/docs/", "/old", "/page.html.txt", "/about"];
    const { answers, fault } = await converse({
      port: lane.port,
      host: "site.localhost",
      deadlineMs,
      steps: [paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: {host}\r\n\r\n`).join("")],
      asked: paths.map(() => ({ method: "GET" })),
      finally: "leave",
    });

    expect(fault).toBeNull();
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 200, 301, 200, 200]);
    expect(answers[4]?.body.toString()).toBe(texts["page.html.txt"]);
  });
});

test("claims are unique", () => {
  const claims = cases.map(({ claim }) => claim);

  expect(claims.filter((claim, index) => claims.indexOf(claim) !== index)).toEqual([]);
});

test("links lead nowhere, inside and outside of the folder", () => {
  const folder = prepareSite({ "a.txt": "a" });
  writeFileSync(join(folder.folder, "secret.txt"), "SECRET");
  mkdirSync(join(folder.folder, "elsewhere"));
  writeFileSync(join(folder.folder, "elsewhere/x.txt"), "SECRET");
  symlinkSync("../secret.txt", join(folder.folder, "public/secret.txt"));
  symlinkSync("../elsewhere", join(folder.folder, "public/folder"));
  symlinkSync("a.txt", join(folder.folder, "public/b.txt"));

  const { files: rows, warnings } = prepareFiles({
    task: "assets",
    root: folder.folder,
    folders: { "/": "public" },
    outdir: folder.folder,
  });

  expect(rows.map(({ url }) => url)).toEqual(["/a.txt"]);
  expect(warnings).toHaveLength(3);
  folder[Symbol.dispose]();
});
