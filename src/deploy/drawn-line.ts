/** What a terminal shows of a line that tools draw over while they work, such as a spinner. Pure. */

/** Back to the line's beginning: by a return, or by what moves the cursor there or erases the line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const restart = /\r|\x1b\[2K|\x1b\[1?G/;

/** What moves and erases otherwise; colours stay. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const moves = /\x1b\[[0-9;?]*[A-Za-ln-z]/g;

/** The last of what was drawn. */
export function shownOf(line: string): string {
  if (!line.includes("\x1b") && !line.includes("\r")) return line;
  const drawn = line.split(restart).map((part) => part.replace(moves, ""));
  return drawn.findLast((part) => part.trim() !== "") ?? "";
}
