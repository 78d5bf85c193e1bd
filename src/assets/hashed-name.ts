/**
 * Whether a file's name changes with its bytes, as bundlers name what they make. Only then may browsers keep it without
 * asking: a wrong yes would keep an old file for a year, a wrong no costs a question. So what could be a word or a date is
 * taken for one.
 */

/** Folders whose every file has such a name: Next.js, SvelteKit, Astro, Nuxt, pages that a server on Bun imports. */
const HASHED_FOLDERS = ["/_next/static/", "/_app/immutable/", "/_astro/", "/_nuxt/", "/_bun/"];

/** What only bundlers make; pictures and documents are called by people as well. */
const CODE = /\.(js|mjs|css|wasm|woff2?)$/;

/** @param url path of its URL */
export function isHashedName(url: string): boolean {
  if (/\.html?$/.test(url)) return false;
  if (HASHED_FOLDERS.some((folder) => url.includes(folder))) return true;
  const name = url.slice(url.lastIndexOf("/") + 1).replace(/\.map$/, "");
  // webpack, Parcel: `main.3f2a1b9c.js`, `main.3f2a1b9c.chunk.js`
  const hex = /\.([0-9a-f]{8,64})(?:\.[a-z]+)?\.[a-z0-9]+$/.exec(name)?.[1];
  if (hex !== undefined && /[a-f]/.test(hex) && /\d/.test(hex)) return true;
  // Vite, esbuild, Bun: `index-B3k_9xQz.js`, `index-DKNPQQ4B.js`, `index-8z4w1q0p.js`
  const hash = /-([A-Za-z0-9_-]{8})\.[a-z0-9]+$/.exec(name)?.[1];
  if (hash === undefined || isWord(hash)) return false;
  return CODE.test(name) || /\/assets\/[^/]*$/.test(url);
}

/** `document`, `iPhone12`, `IMG_0001`, `HomePage`, `20240101`: what a person writes. */
function isWord(text: string): boolean {
  if (/^[\d_-]+$/.test(text)) return true;
  return /^(?:[A-Z]?[a-z]+|[A-Z]{2,})(?:[-_]?(?:[A-Z][a-z]+|[A-Z]{2,})|[-_][a-z]+){0,2}[-_]?\d*$/.test(
    text,
  );
}
