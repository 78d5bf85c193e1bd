/** A registry of npm's on the loopback, with one package that is what a test makes of it. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { thisMachine } from "./fetch-runtime.ts";
import { packageFor } from "./runtime-name.ts";

export interface TestRegistry extends Disposable {
  /** What a child that is to use it has in its environment. */
  env: Record<string, string>;
  /** Tarballs that were asked for. Count. */
  tarballs: number;
}

export interface TestRegistryOptions {
  /** Text of `bin/bun` by version. */
  programs: Readonly<Record<string, string>>;
  /** What is handed out instead of a tarball. */
  answer?(tarball: Uint8Array<ArrayBuffer>): Response | Promise<Response>;
}

/** A shell script that says it is Bun of that version. */
export function programSaying(version: string): string {
  return `#!/bin/sh\necho "${version}+0123abcd"\n`;
}

/** @param home an empty folder, in the place of the user's own, which may name another registry */
export function testRegistry(home: string, options: TestRegistryOptions): TestRegistry {
  const name = packageFor(thisMachine());
  const tarballs = new Map(
    Object.entries(options.programs).map(([version, text]) => [
      version,
      tarballOf({ "package.json": JSON.stringify({ name, version }), "bin/bun": text }),
    ]),
  );
  const server: Bun.Server<undefined> = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch({ url }): Response | Promise<Response> {
      const path = decodeURIComponent(new URL(url).pathname);
      if (path === `/${name}`) return Response.json(manifest());
      const version = /-([^/]+)\.tgz$/.exec(path)?.[1] ?? "";
      const tarball = tarballs.get(version);
      if (tarball === undefined) return new Response(null, { status: 404 });
      registry.tarballs += 1;
      return options.answer?.(tarball) ?? new Response(tarball);
    },
  });
  const manifest = () => ({
    name,
    "dist-tags": { latest: [...tarballs.keys()].at(-1) },
    versions: Object.fromEntries(
      [...tarballs].map(([version, bytes]) => {
        const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
        const tarball = `${server.url.origin}/${name}/-/bun-${version}.tgz`;
        return [version, { name, version, dist: { tarball, integrity } }];
      }),
    ),
  });
  const registry = {
    env: {
      PATH: process.env["PATH"]!,
      HOME: home,
      BUN_CONFIG_REGISTRY: server.url.href,
      NPM_CONFIG_REGISTRY: server.url.href,
    },
    tarballs: 0,
    [Symbol.dispose]: () => void server.stop(true),
  };
  return registry;
}

/** A gzipped tar with files that may be executed. */
function tarballOf(files: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  const blocks: Buffer[] = [];
  for (const [path, text] of Object.entries(files)) {
    const body = Buffer.from(text);
    const head = Buffer.alloc(512);
    head.write(`package/${path}`, 0);
    head.write("0000755\0", 100);
    head.write("0000000\0", 108);
    head.write("0000000\0", 116);
    head.write(`${body.length.toString(8).padStart(11, "0")}\0`, 124);
    head.write("00000000000\0", 136);
    head.write("        0", 148);
    head.write("ustar\x0000", 257);
    const sum = head.reduce((total, byte) => total + byte, 0);
    head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    blocks.push(head, body, Buffer.alloc((512 - (body.length % 512)) % 512));
  }
  return new Uint8Array(gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)])));
}
