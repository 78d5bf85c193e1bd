/**
 * Goal: what a client writes into a path makes no answer longer than it may be, whatever rules a site has.
 * Method: rules that name a part of the path many times, asked for the longest paths that the edge takes.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ruleLinesBytesMax } from "../../src/assets/limits.ts";
import { type Answer, valuesOf } from "../http/answer-reader.ts";
import { converse } from "../http/raw-client.ts";
import { startTestLane, type TestLane } from "../lane-for-tests.ts";
import { type PreparedSite, prepareSite } from "./prepared-site.ts";

const many = ":splat".repeat(100);
const long = "a".repeat(15_000);
let site: PreparedSite;
let lane: TestLane;

beforeAll(() => {
  const files = { "index.html": "home", "404.html": "nothing here" };
  const headers = `/*\n  X-Path: ${many}\n  X-Word: :toString\n  X-Short: yes\n`;
  const redirects = `/once/* /:splat\n/often/* /${many}\n`;
  site = prepareSite(files, { headers, redirects });
  lane = startTestLane({ site: site.app });
});

afterAll(async () => {
  await lane.stop();
  site[Symbol.dispose]();
});

async function get(target: string): Promise<Answer> {
  const { answers, fault } = await converse({
    port: lane.port,
    host: "site.localhost",
    deadlineMs: 5000,
    steps: [`GET ${target} HTTP/1.1\r\nHost: {host}\r\n\r\n`],
    asked: [{ method: "GET" }],
    finally: "leave",
  });
  expect(fault).toBeNull();
  const [answer] = answers;
  if (answer === undefined) throw new Error("there was no answer");
  return answer;
}

test("a header that a long path would make too long is left out, the others stay", async () => {
  const answer = await get(`/${long}`);

  expect(answer.status).toBe(404);
  expect(answer.body.toString()).toBe("nothing here");
  expect(valuesOf(answer, "x-path")).toEqual([]);
  expect(valuesOf(answer, "x-short")).toEqual(["yes"]);
});

test("a short path fills the same header", async () => {
  const answer = await get("/ab");

  expect(valuesOf(answer, "x-path")).toEqual(["ab".repeat(100)]);
  expect("ab".repeat(100).length).toBeLessThan(ruleLinesBytesMax);
});

test("a redirect that a long path would make too long is none", async () => {
  const once = await get(`/once/${long}`);
  const often = await get(`/often/${long}`);

  expect(once.status).toBe(301);
  expect(valuesOf(once, "location")).toEqual([`/${long}`]);
  expect(often.status).toBe(404);
});

test("a path of nothing but slashes is answered by a site with rules", async () => {
  expect((await get(`/once${"/".repeat(15_000)}x`)).status).toBe(301);
});

test("what a rule names and its path does not have stays as it is written", async () => {
  expect(valuesOf(await get("/ab"), "x-word")).toEqual([":toString"]);
});

test("a query is passed on as it was sent", async () => {
  const answer = await get("/once/a?price=$$5&x=$&$'");

  expect(valuesOf(answer, "location")).toEqual(["/a?price=$$5&x=$&$'"]);
});
