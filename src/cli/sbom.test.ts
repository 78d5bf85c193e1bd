import { expect, test } from "bun:test";
import type { InstalledPackage } from "../deploy/package-list.ts";
import { renderSbom } from "./sbom.ts";

const found = (fields: Partial<InstalledPackage>): InstalledPackage => ({
  name: "a",
  version: "1.0.0",
  license: null,
  integrity: null,
  resolved: null,
  isDevelopment: false,
  isLocal: false,
  scripts: [],
  uses: [],
  ...fields,
});

const subject = (packages: InstalledPackage[]) => ({
  app: "shop",
  version: 7,
  digest: "ab".repeat(32),
  createdAtMs: Date.parse("2026-11-21T08:00:00Z"),
  levain: "0.1.0",
  packages: { format: 1 as const, uses: [0], leftOut: 0, packages },
});

interface Document {
  bomFormat: string;
  specVersion: string;
  serialNumber: string;
  metadata: { timestamp: string; component: { name: string; version: string; hashes: unknown } };
  components: Record<string, unknown>[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

const render = (packages: InstalledPackage[]) =>
  JSON.parse(renderSbom(subject(packages))) as Document;

test("a version is a CycloneDX document with its packages and what uses what", () => {
  const bytes = Buffer.alloc(64, 7);
  const document = render([
    found({ license: "MIT", integrity: `sha512-${bytes.toString("base64")}`, uses: [1] }),
    found({ name: "@s/b", isDevelopment: true, scripts: ["install"] }),
  ]);

  expect(document).toMatchObject({
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    metadata: {
      timestamp: "2026-11-21T08:00:00.000Z",
      component: {
        name: "shop",
        version: "v7",
        hashes: [{ alg: "SHA-256", content: "ab".repeat(32) }],
      },
    },
  });
  expect(document.serialNumber).toMatch(
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-/,
  );
  const [b, a] = document.components;
  expect(a).toMatchObject({
    purl: "pkg:npm/a@1.0.0",
    scope: "required",
    licenses: [{ license: { id: "MIT" } }],
    hashes: [{ alg: "SHA-512", content: bytes.toString("hex") }],
  });
  expect(b).toMatchObject({
    group: "@s",
    name: "b",
    purl: "pkg:npm/%40s/b@1.0.0",
    scope: "excluded",
  });
  expect(document.dependencies).toContainEqual({ ref: "a@1.0.0", dependsOn: ["@s/b@1.0.0"] });
  expect(document.dependencies).toContainEqual({ ref: "shop@v7", dependsOn: ["a@1.0.0"] });
});

test("a licence is an id, an expression or a name, whatever was written", () => {
  const licensesOf = (license: string) => render([found({ license })]).components[0]?.["licenses"];

  expect(licensesOf("apache-2.0")).toEqual([{ license: { id: "Apache-2.0" } }]);
  expect(licensesOf("(MIT OR Apache-2.0)")).toEqual([{ expression: "(MIT OR Apache-2.0)" }]);
  expect(licensesOf("SEE LICENSE IN x")).toEqual([{ license: { name: "SEE LICENSE IN x" } }]);
  expect(licensesOf("MIT OR nonsense")).toEqual([{ license: { name: "MIT OR nonsense" } }]);
});

test("the same version always gives the same text", () => {
  const packages = [found({}), found({ name: "b" })];

  expect(renderSbom(subject(packages))).toBe(renderSbom(subject(packages)));
});

test("a hash that is none is left out", () => {
  expect(
    render([found({ integrity: "sha512-x md5-AAAA nothing" })]).components[0]?.["hashes"],
  ).toBeUndefined();
});
