/** Formats the arguments of `console.log` as Bun prints them. */

/** How deep Bun's console looks into a value; `Bun.inspect` by itself looks deeper. */
export const depthMax = 2;

/** The text that `console.log(...values)` would print, without its newline. */
export function formatLog(values: readonly unknown[]): string {
  const [first, ...rest] = values;
  if (typeof first !== "string") return values.map(formatOne).join(" ");
  if (rest.length === 0) return first;
  return [formatPattern(first, rest), ...rest.map(formatOne)].join(" ");
}

/** What `console.trace` prints: the values, and where `caller` was called. */
export function formatTrace(
  values: readonly unknown[],
  caller: (...args: never[]) => void,
): string {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, caller);
  const frames = (holder.stack ?? "").split("\n").slice(1);
  return [formatLog(values), ...frames.map((frame) => `      ${frame.trim()}`)].join("\n");
}

function formatOne(value: unknown): string {
  return typeof value === "string" ? value : Bun.inspect(value, { depth: depthMax });
}

/** Fills in `%s` and friends, and takes the values it used from `rest`. What follows the last value stays as it is. */
function formatPattern(pattern: string, rest: unknown[]): string {
  return pattern.replace(/%[sdifjoOc%]/g, (directive) => {
    if (rest.length === 0) return directive;
    if (directive === "%%") return "%";
    const value = rest.shift();
    switch (directive) {
      case "%s":
        return String(value);
      case "%d":
      case "%i":
        return String(Math.trunc(Number(value)) + 0);
      case "%f":
        return String(Number(value));
      case "%j":
        return JSON.stringify(value) ?? "undefined";
      case "%c":
        return "";
      default:
        return Bun.inspect(value, { depth: depthMax });
    }
  });
}
