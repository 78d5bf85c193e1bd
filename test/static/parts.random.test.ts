/**
 * Goal: whatever part of whatever form of a file is asked for, in whatever order, its very bytes come. Method: random
 * files, ranges, weights and pipelines against an oracle that slices the bytes on disk. LEVAIN_TEST_SEED repeats a run.
 */
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type AssetManifest, assetManifestPath } from "../../src/assets/asset-manifest.ts";
import { pick, type Random, randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { onlyValueOf } from "../http/answer-reader.ts";
import { converse } from "../http/raw-client.ts";
import { startTestLane } from "../lane-for-tests.ts";
import { prepareSite } from "./prepared-site.ts";

const seed = testSeed();
const random = randomOf(seed);
const rounds = 60;
/** Around the sizes at which something changes: copied or not, kept or not, one piece or several. */
const sizes = [0, 1, 255, 256, 2047, 2048, 5000, 131_071, 131_072, 262_144, 262_145, 700_000];

const site = prepareSite(
  Object.fromEntries(sizes.map((size) => [`f${size}.txt`, textOf(random, size)])),
);
const lane = startTestLane({ site: site.app });
afterAll(async () => {
  await lane.stop();
  site[Symbol.dispose]();
});
const { files } = JSON.parse(
  readFileSync(join(site.folder, assetManifestPath), "utf8"),
) as AssetManifest;

function textOf(random: Random, size: number): string {
  const words = ["alpha ", "beta ", "gamma ", "delta\n"];
  let text = "";
  while (text.length < size) text += `${pick(random, words)}${random(1000)}`;
  return text.slice(0, size);
}

interface Question {
  text: string;
  method: string;
  url: string;
  /** It asks for a part, or for several. */
  hasRange: boolean;
  weights: Map<string, number>;
  /** Of the form that is sent: what the range stands for, or that it cannot be. */
  partOf(bytes: number): [start: number, end: number] | "unsatisfiable" | null;
}

function question(): Question {
  const { url } = pick(random, files);
  const method = random(10) === 0 ? "HEAD" : "GET";
  const weights = new Map<string, number>();
  for (const name of ["br", "zstd", "gzip", "identity"]) {
    if (random(2) === 0) weights.set(name, random(11) / 10);
  }
  const accept = [...weights].map(([name, weight]) => `${name};q=${weight}`);
  const lines = [`${method} ${url} HTTP/1.1`, "Host: {host}"];
  if (accept.length > 0) lines.push(`Accept-Encoding: ${accept.join(", ")}`);
  const { range, partOf } = rangeLine();
  if (range !== null) lines.push(`Range: ${range}`);
  const hasRange = range !== null && method === "GET";
  return { text: `${lines.join("\r\n")}\r\n\r\n`, method, url, hasRange, weights, partOf };
}

function rangeLine(): { range: string | null; partOf: Question["partOf"] } {
  const a = random(random(2) === 0 ? 300 : 800_000);
  const b = a + random(random(2) === 0 ? 300 : 800_000);
  switch (random(5)) {
    case 0:
      return {
        range: `bytes=${a}-${b}`,
        partOf: (bytes) => (a >= bytes ? "unsatisfiable" : [a, Math.min(b + 1, bytes)]),
      };
    case 1:
      return {
        range: `bytes=${a}-`,
        partOf: (bytes) => (a >= bytes ? "unsatisfiable" : [a, bytes]),
      };
    case 2:
      return {
        range: `bytes=-${a}`,
        partOf: (bytes) =>
          a === 0 || bytes === 0 ? "unsatisfiable" : [Math.max(0, bytes - a), bytes],
      };
    case 3:
      return { range: `bytes=${a}-${b},0-1`, partOf: () => null };
    default:
      return { range: null, partOf: () => null };
  }
}

/** The path on disk of the form that has to be sent; null for none. */
function formOf({
  url,
  hasRange,
  weights,
}: Question): { name: string; path: string; bytes: number } | null {
  const file = files.find((one) => one.url === url)!;
  const forms = [...file.encodings, { name: "identity", path: file.path, bytes: file.bytes }].map(
    (form) => ({
      ...form,
      weight: weights.get(form.name) ?? (form.name === "identity" ? 0.0001 : 0),
    }),
  );
  // Parts are of the plain form wherever that is accepted.
  const plain = forms.at(-1)!;
  if (hasRange && plain.weight > 0) return plain;
  const most = Math.max(...forms.map(({ weight }) => weight));
  if (most === 0) return null;
  const [first] = forms
    .filter(({ weight }) => weight === most)
    .sort(
      (left, right) =>
        // The plain form is the last resort, also where it is the smallest.
        Number(left.name === "identity") - Number(right.name === "identity") ||
        left.bytes - right.bytes,
    );
  return first!;
}

test(`parts of files are their bytes (LEVAIN_TEST_SEED=${seed})`, async () => {
  for (let round = 0; round < rounds; round++) {
    const questions = Array.from({ length: 1 + random(8) }, question);
    const { answers, fault } = await converse({
      port: lane.port,
      host: "site.localhost",
      steps: [questions.map(({ text }) => text).join("")],
      asked: questions.map(({ method }) => ({ method })),
      finally: "leave",
      deadlineMs: 20_000,
    });
    expect(fault).toBeNull();
    expect(answers).toHaveLength(questions.length);

    for (const [index, answer] of answers.entries()) {
      const asked = questions[index]!;
      const form = formOf(asked);
      if (form === null) {
        expect(answer.status, asked.text).toBe(406);
        continue;
      }
      const bytes = readFileSync(join(site.folder, form.path));
      const isHead = asked.method === "HEAD";
      const part = isHead ? null : asked.partOf(bytes.length);
      if (part === "unsatisfiable") {
        expect(answer.status, asked.text).toBe(416);
        continue;
      }
      const [start, end] = part ?? [0, bytes.length];
      expect(answer.status, asked.text).toBe(part === null ? 200 : 206);
      expect(onlyValueOf(answer, "content-encoding") ?? "identity", asked.text).toBe(form.name);
      expect(onlyValueOf(answer, "content-length"), asked.text).toBe(String(end - start));
      const expected = isHead ? Buffer.alloc(0) : bytes.subarray(start, end);
      expect(answer.body.equals(expected), asked.text).toBe(true);
    }
  }
}, 60_000);
