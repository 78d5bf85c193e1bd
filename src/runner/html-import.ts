/**
 * HTML imports as routes (`import page from "./index.html"`). A bundler has made each a manifest: Levain's names the page
 * alone, since the node answers with what it loads; Bun's, of an app that was bundled before, lists that too.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** What the import gives. */
export interface HtmlImport {
  /** Path of the page. */
  index: string;
  /** Missing when nothing was bundled: then it is the page as it was written. */
  files?: readonly unknown[];
}

/** Pages by path: an ephemeral app asks for its routes with each request, and its files do not change. */
const pages = new Map<string, string>();

export function isHtmlImport(value: unknown): value is HtmlImport {
  if (typeof value !== "object" || value === null || value instanceof Response) return false;
  return "index" in value && typeof value.index === "string";
}

/** What such a route is answered with. @throws {TypeError} for a page that nobody has bundled, or that is not there */
export function pageOf(route: string, { index, files }: HtmlImport): Response {
  if (!Array.isArray(files)) {
    throw new TypeError(
      `Route "${route}" is an HTML import that was not bundled: leave out \`bundle: false\` and ` +
        "`start` of levain.config.ts, and a deploy bundles it",
    );
  }
  const headers = { "content-type": "text/html;charset=utf-8", "cache-control": "no-cache" };
  return new Response(textOf(route, placeOf(route, index)), { headers });
}

/** The files that Bun's own manifest lists beside the page, by their addresses. @throws {TypeError} when one is missing */
export function filesOf(route: string, { index, files = [] }: HtmlImport): [string, Response][] {
  return files.flatMap((file): [string, Response][] => {
    const { path, headers } = (file ?? {}) as { path?: unknown; headers?: unknown };
    if (typeof path !== "string" || path === index) return [];
    const type = (headers as Record<string, string> | undefined)?.["content-type"];
    const answer = new Response(Bun.file(placeOf(route, path)), {
      headers: {
        ...(type === undefined ? {} : { "content-type": type }),
        "cache-control": "public, max-age=31536000, immutable",
      },
    });
    return [[new URL(path, "http://page/").pathname, answer]];
  });
}

/** Bun looks from the working directory; a bundle is meant to be started where it is. */
function placeOf(route: string, path: string): string {
  const places = [resolve(path), resolve(dirname(Bun.main), path)];
  const found = places.find((place) => statSync(place, { throwIfNoEntry: false })?.isFile());
  if (found !== undefined) return found;
  throw new TypeError(`Route "${route}" is an HTML import of which "${path}" is missing`);
}

function textOf(route: string, path: string): string {
  const known = pages.get(path);
  if (known !== undefined) return known;
  const text = readFileSync(path, "utf8");
  if (text === "") throw new TypeError(`Route "${route}" is an HTML import, and its page is empty`);
  pages.set(path, text);
  return text;
}
