/** Answers of the platform's own, as a page for people or as JSON for programs, by what the client accepts. */
import type { PlatformError } from "../base/errors.ts";
import { retryAfterS } from "./limits.ts";

export interface VerdictPage {
  status: number;
  /** Header lines, each ended by CRLF. */
  block: string;
  body: string;
}

/** @param status another one than the error's */
export function verdictPage(
  error: PlatformError,
  requestId: string,
  accept: string,
  status: number = error.status,
): VerdictPage {
  const wantsPage = prefersHtml(accept);
  const body = wantsPage ? page(error, status, requestId) : json(error, requestId);
  let block = `content-type: ${wantsPage ? "text/html" : "application/json"};charset=utf-8\r\n`;
  block += `cache-control: no-store\r\nlevain-error: ${error.code}\r\n`;
  if (status === 405) block += "allow: GET, HEAD\r\n";
  if (status === 503) block += `retry-after: ${retryAfterS}\r\n`;
  return { status, block, body };
}

/** HTML only for who prefers it to JSON by name: browsers do, programs and `*\/*` do not. */
function prefersHtml(accept: string): boolean {
  const html = weightOf(accept, "text/html");
  return html > 0 && html > weightOf(accept, "application/json");
}

/** How much a type is wanted: its `q`, less a little for each type named before it; 0 when it is not named. */
function weightOf(accept: string, type: string): number {
  const ranges = accept.toLowerCase().split(",");
  const index = ranges.findIndex((range) => range.split(";")[0]!.trim() === type);
  if (index === -1) return 0;
  const weight = Number(/;\s*q=([0-9.]+)/.exec(ranges[index]!)?.[1] ?? 1);
  return weight === 0 ? 0 : weight - index * 1e-6;
}

function json(error: PlatformError, requestId: string): string {
  // The cause and the detail are the app's own and go to its log, not to its visitors.
  const { code, message, fix, docs } = error.toBody();
  return JSON.stringify({ error: { code, message, fix, docs, requestId } });
}

function page(error: PlatformError, status: number, requestId: string): string {
  const { code, message, fix } = error.toBody();
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${status} ${code}</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;color:#23211f;background:#faf7f2;margin:0;display:grid;min-height:100vh;place-content:center}
main{max-width:34rem;padding:2rem}
h1{font-size:1.25rem;margin:0 0 .75rem}
p{margin:.5rem 0}
code{font:14px/1.4 ui-monospace,monospace;color:#7a5b2e}
@media(prefers-color-scheme:dark){body{color:#eee9e2;background:#1d1b19}code{color:#d9b26f}}
</style>
<main>
<h1>${escapeHtml(message)}</h1>
<p>${escapeHtml(fix)}</p>
<p><code>${status} ${code}<br>request ${escapeHtml(requestId)}</code></p>
</main>
</html>
`;
}

function escapeHtml(text: string): string {
  return Bun.escapeHTML(text);
}
