import { expect, test } from "bun:test";
import { isHashedName } from "./hashed-name.ts";

test.each([
  "/assets/index-B3k_9xQz.js",
  "/assets/index-DKNPQQ4B.css",
  "/assets/logo-Cx8fQ2aL.svg",
  "/main-5KQ2WX7B.js",
  "/chunk-8z4w1q0p.js",
  "/static/js/main.3f2a1b9c.js",
  "/static/js/787.28cb0dcd.chunk.js",
  "/static/js/main.3f2a1b9c.js.map",
  "/static/media/logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg",
  "/_next/static/chunks/main.js",
  "/_next/static/abc/_buildManifest.js",
  "/_app/immutable/entry/start.js",
  "/_astro/hoisted.js",
  "/_nuxt/entry.css",
  "/_bun/logo-kygwxyzp.svg",
])("%s changes its name with its bytes", (url) => {
  expect(isHashedName(url)).toBe(true);
});

test.each([
  "/index.html",
  "/assets/index-B3k_9xQz.html",
  "/app.js",
  "/robots.txt",
  "/assets/my-document.pdf",
  "/assets/case-iPhone12.jpg",
  "/assets/scan-IMG_0001.jpg",
  "/assets/hero-HomePage.png",
  "/assets/a-my_photo.jpg",
  "/img/photo-B3k_9xQz.jpg",
  "/report.20240101.pdf",
  "/lib-version1.js",
  "/theme-summer24.css",
  "/jquery-3.7.1.js",
  "/vendor.deadbeef.js",
  "/_app/version.json",
])("%s may be a word, a date or a version", (url) => {
  expect(isHashedName(url)).toBe(false);
});
