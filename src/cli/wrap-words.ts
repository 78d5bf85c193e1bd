/** Lines of whole words, at least one; a word that is longer than a line has one of its own. */
export function wrapWords(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) as string;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/**
 * A sentence broken between words, what follows four columns in; as it is when it fits.
 *
 * @param columns undefined: never broken, as in a pipe
 */
export function hangingLines(text: string, columns: number | undefined): string[] {
  if (columns === undefined || text.length <= columns) return [text];
  const start = /^ */.exec(text)?.[0] ?? "";
  const [first = "", ...rest] = wrapWords(text.slice(start.length), columns - 4);
  return [start + first, ...rest.map((line) => `    ${line}`)];
}
