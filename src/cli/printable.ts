/**
 * Text that came from elsewhere (an app's output, an error's cause, a message somebody typed), made safe for a
 * terminal: control characters could move the cursor, change the title or paste into the shell.
 */

/** Colours survive when `keepsColor`; every other control character is shown as `\x..`. Line breaks stay. */
export function printable(text: string, keepsColor = false): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
  return text.replace(/\x1b\[[0-9;]*m|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (found) => {
    if (found.length > 1) return keepsColor ? found : "";
    if (found === "\r") return "";
    return `\\x${found.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** On one line: line breaks and tabs become spaces. */
export function printableLine(text: string): string {
  return printable(text.replace(/\s*[\r\n\t]+\s*/g, " "));
}
