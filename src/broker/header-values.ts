/** Values of a few headers in a head that is known to be well-formed. */

const CR = 0x0d;
const COLON = 0x3a;

/**
 * @param start of the first header line
 * @param names lower case
 * @returns a text for each name, empty when it is not there; null when one is there twice
 */
export function headerValues(
  head: Buffer,
  start: number,
  names: readonly string[],
): string[] | null {
  const values = names.map(() => "");
  const isFound = names.map(() => false);
  for (let at = start; head[at] !== CR; ) {
    const lineEnd = head.indexOf("\r\n", at, "latin1");
    const nameEnd = head.indexOf(COLON, at);
    const length = nameEnd - at;
    for (let index = 0; index < names.length; index++) {
      if (names[index]!.length !== length || !isName(head, at, names[index]!)) continue;
      if (isFound[index]) return null;
      isFound[index] = true;
      values[index] = head.latin1Slice(nameEnd + 1, lineEnd).trim();
    }
    at = lineEnd + 2;
  }
  return values;
}

function isName(head: Buffer, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    // Names are tokens, so setting bit 5 lower-cases letters and maps nothing else onto a letter, a digit or a hyphen.
    if ((head[start + index]! | 0x20) !== name.charCodeAt(index)) return false;
  }
  return true;
}
