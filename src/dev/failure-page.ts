/**
 * What visitors get while the code cannot be served: a small app in the place of the broken one, so that the page comes the
 * same way as everything else. An open page waits on a stream that ends when another version takes over, and asks again.
 */
import { type DevFailure, excerptText } from "./dev-failure.ts";

/** Where the page waits; no path that an app is likely to have. */
export const WAIT_PATH = "/__levain/dev";

/** Text of a module with a `fetch` handler that answers everything with the failure, as HTML or as text. */
export function failureModule(failure: DevFailure): string {
  const [html, text] = [failureHtml(failure), failureText(failure)].map((part) =>
    JSON.stringify(part),
  );
  const head = { "cache-control": "no-store", "x-levain-failure": failure.code };
  return `const head = ${JSON.stringify(head)};
const html = ${html};
const text = ${text};
const encoder = new TextEncoder();
export default {
  fetch(request) {
    if (new URL(request.url).pathname === ${JSON.stringify(WAIT_PATH)}) {
      const body = new ReadableStream({ start: (sink) => sink.enqueue(encoder.encode(":\\n\\n")) });
      return new Response(body, { headers: { ...head, "content-type": "text/event-stream" } });
    }
    const wantsPage = request.headers.get("accept")?.includes("text/html") === true;
    const type = wantsPage ? "text/html;charset=utf-8" : "text/plain;charset=utf-8";
    return new Response(wantsPage ? html : text, { status: 500, headers: { ...head, "content-type": type } });
  },
};
`;
}

/** For programs, and for the terminal without colors. */
function failureText(failure: DevFailure): string {
  const { code, message, fix, problems, output, excerpt } = failure;
  const blocks = [
    [`${code}  ${message}`],
    excerpt === null ? [] : excerptText(excerpt),
    problems,
    output,
    [`Fix: ${fix}`],
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function failureHtml({ code, message, fix, problems, output, excerpt }: DevFailure): string {
  const block = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? "" : `<h2>${title}</h2><pre>${Bun.escapeHTML(lines.join("\n"))}</pre>`;
  const [place = "", ...shown] = excerpt === null ? [] : excerptText(excerpt);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${code}</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;color:#23211f;background:#faf7f2;margin:0}
main{max-width:56rem;margin:0 auto;padding:3rem 1.5rem}
h1{font-size:1.25rem;margin:0 0 .75rem}
h2{font-size:.9rem;margin:1.5rem 0 .25rem;color:#7a5b2e}
pre{font:14px/1.5 ui-monospace,monospace;background:#f1ebe1;padding:1rem;overflow-x:auto;margin:0;border-radius:.25rem}
code{font:14px/1.4 ui-monospace,monospace;color:#7a5b2e}
@media(prefers-color-scheme:dark){body{color:#eee9e2;background:#1d1b19}pre{background:#292522}code,h2{color:#d9b26f}}
</style>
<main>
<p><code>${code}</code></p>
<h1>${Bun.escapeHTML(message)}</h1>
${block(Bun.escapeHTML(place), shown)}
${block("Problems", problems)}
${block("Last output", output)}
<p>${Bun.escapeHTML(fix)}</p>
<p><code>This page reloads when the code is saved again.</code></p>
</main>
<script>
const again = () => fetch(location.href, { cache: "no-store" }).then(() => location.reload(), () => setTimeout(again, 500));
new EventSource("${WAIT_PATH}").onerror = (event) => { event.target.close(); again(); };
</script>
</html>
`;
}
