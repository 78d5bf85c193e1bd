import { describe, expect, test } from "bun:test";
import { detectFramework } from "./detect.ts";
import type { Manifest } from "./framework.ts";
import { FRAMEWORKS } from "./frameworks.ts";

const detect = (manifest: Manifest, files: string[] = [], wanted: string | null = null) =>
  detectFramework({ files: new Set(files), manifest, texts: new Map() }, wanted);

describe("detectFramework()", () => {
  test.each(FRAMEWORKS.map(({ name, packages }) => [name, packages[0]!]))(
    "finds %s by the package %s",
    (name, dependency) => {
      const manifest = { devDependencies: { [dependency]: "1" }, dependencies: { react: "1" } };

      expect(detect(manifest)?.framework?.name).toBe(name);
      expect(detect(manifest)?.because).toBe(`${dependency} is in package.json`);
    },
  );

  test("what builds on Vite is not taken for Vite", () => {
    for (const name of ["@sveltejs/kit", "astro", "@react-router/dev", "@solidjs/start"]) {
      const found = detect({ devDependencies: { vite: "8", [name]: "1" } }, ["vite.config.ts"]);

      expect(found?.framework?.title).not.toBe("Vite");
    }
  });

  test("a configuration file tells when the package is elsewhere", () => {
    expect(detect({}, ["vite.config.mts"])?.because).toBe("there is a vite.config.mts");
    expect(detect({}, ["angular.json"])?.framework?.name).toBe("angular");
    expect(detect({}, ["angular.ts", "src/vite.config.ts"])?.framework).toBeNull();
  });

  test("the settings of Bun's pages tell, and no other bunfig.toml", () => {
    const because = (text: string) =>
      detectFramework(
        { files: new Set(["bunfig.toml"]), manifest: {}, texts: new Map([["bunfig.toml", text]]) },
        null,
      )?.because;

    expect(because('[serve.static]\nenv = "BUN_PUBLIC_*"')).toBe(
      "there is [serve.static] in bunfig.toml",
    );
    expect(because("[install]\nexact = true")).toBe("there is no package.json");
  });

  test("a server of its own that has Vite beside it is no single page", () => {
    const manifest = { dependencies: { express: "5", vite: "8" } };
    const started = { ...manifest, scripts: { start: "node server.js" } };

    expect(detect(manifest)?.framework?.name).toBe("vite");
    expect(detect(started, ["vite.config.ts"])?.framework?.name).toBe("express");
  });

  test("the configuration decides", () => {
    const manifest = { dependencies: { astro: "7" } };

    expect(detect(manifest, [], "vite")?.framework?.name).toBe("vite");
    expect(detect(manifest, [], "none")?.framework).toBeNull();
    expect(detect(manifest, [], "unknown")).toBeNull();
  });

  test("no row drops packages that it needs", () => {
    const outputs = FRAMEWORKS.flatMap((framework) => framework.outputs);

    expect(outputs.filter(({ needsPackages, keep }) => needsPackages && keep !== null)).toEqual([]);
  });

  test("odd values in package.json are ignored", () => {
    expect(detect({ dependencies: 5, devDependencies: null } as Manifest)?.framework).toBeNull();
  });
});
