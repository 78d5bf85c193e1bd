/** All that comes on stdin, or one line that a person types without its being shown. */
import { usageError } from "./failure.ts";
import { readSecret } from "./secret-input.ts";

/**
 * Without the last line's end, which editors and `echo` add.
 *
 * @throws {PlatformError} `INPUT_INVALID` when it is more than `bytesMax`, or no text
 */
export async function readValue(prompt: string, bytesMax: number): Promise<string> {
  if (process.stdin.isTTY === true) return readSecret(prompt);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw usageError(`more than ${bytesMax} bytes came on stdin`);
    chunks.push(Buffer.from(chunk));
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return text.decode(Buffer.concat(chunks)).replace(/\r?\n$/, "");
  } catch {
    throw usageError("what came on stdin is no text in UTF-8");
  }
}

/** Whether a person who is asked says yes; null when nobody can be asked. Everything but y and yes is no. */
export async function askYes(question: string): Promise<boolean | null> {
  const { stdin, stderr } = process;
  if (stdin.isTTY !== true || stderr.isTTY !== true) return null;
  stderr.write(`${question} [y/N] `);
  const { createInterface } = await import("node:readline/promises");
  using lines = createInterface({ input: stdin });
  const answer = await lines.question("");
  return /^y(es)?$/i.test(answer.trim());
}
