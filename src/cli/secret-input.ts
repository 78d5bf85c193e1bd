/** A line that nobody else should see: typed without being shown, or the first line of stdin. */
import { usageError } from "./failure.ts";
import { secretCharactersMax } from "./limits.ts";

/**
 * Without the line's end; empty when nothing came.
 *
 * @param prompt shown on stderr when a person types
 * @throws {PlatformError} `INPUT_INVALID` when it is longer than a secret is; Ctrl-C ends the process
 */
export async function readSecret(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  const isTyped = stdin.isTTY === true;
  if (isTyped) {
    // Before the prompt: who pastes at once must not see it either.
    stdin.setRawMode(true);
    stderr.write(prompt);
  }
  let line = "";
  try {
    for await (const chunk of stdin) {
      for (const character of String(chunk)) {
        if (character === "\n" || character === "\r" || character === "\x04") return line.trim();
        if (character === "\x03") process.exit(130);
        if (isTyped && (character === "\x7f" || character === "\b")) line = line.slice(0, -1);
        else line += character;
        if (line.length > secretCharactersMax) throw usageError("what came on stdin is no token");
      }
    }
    return line.trim();
  } finally {
    if (isTyped) {
      stdin.setRawMode(false);
      stderr.write("\n");
    }
    stdin.destroy();
  }
}
