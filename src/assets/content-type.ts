/** What a file is sent as, from its name and, where the name says nothing, from its bytes. */

/** As maps: a file may be called `constructor`. */
const NAMED = mapOf({
  // Without an ending, and read by name.
  "apple-app-site-association": "application/json",
});

const BY_ENDING = mapOf({
  cjs: "text/javascript",
  js: "text/javascript",
  mjs: "text/javascript",
  map: "application/json",
  ts: "text/plain",
  tsx: "text/plain",
  jsx: "text/plain",
  webmanifest: "application/manifest+json",
  md: "text/markdown",
});

/**
 * Value of `content-type`. Text is said to be UTF-8 when it is; other text is left to say so itself.
 *
 * @param name of the file, without its folder
 */
export function contentType(name: string, bytes: Uint8Array): string {
  const plain = NAMED.get(name) ?? BY_ENDING.get(endingOf(name)) ?? guessed(name, bytes);
  return isText(plain) && isUtf8(bytes) ? `${plain}; charset=utf-8` : plain;
}

/** Whether it is worth compressing. */
export function isCompressible(type: string): boolean {
  const plain = type.split(";")[0] ?? "";
  return (
    isText(plain) ||
    plain === "application/wasm" ||
    plain === "application/octet-stream" ||
    plain === "image/bmp" ||
    plain === "image/x-icon" ||
    /^font\/(otf|ttf)$/.test(plain) ||
    /^model\/gltf/.test(plain)
  );
}

function mapOf(types: Record<string, string>): ReadonlyMap<string, string> {
  return new Map(Object.entries(types));
}

function endingOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot + 1).toLowerCase();
}

function guessed(name: string, bytes: Uint8Array): string {
  const known = (Bun.file(name).type.split(";")[0] ?? "").trim();
  if (known !== "application/octet-stream" && known !== "") return known;
  // LICENSE, security.txt without its ending: text is shown, anything else is offered to be saved.
  const isPlainText = endingOf(name) === "" && !bytes.includes(0) && isUtf8(bytes);
  return isPlainText ? "text/plain" : "application/octet-stream";
}

function isText(type: string): boolean {
  return /^text\/|[/+](json|xml|javascript)$/.test(type);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
