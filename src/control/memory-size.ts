/** Amounts of memory as people write them: `8GiB`, `512MiB`, or a count of bytes. */

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/** Bytes, whole; null when it is no amount of memory. */
export function memoryBytesOf(written: string | number): number | null {
  const [, number = "", unit = ""] =
    /^(\d+(?:\.\d+)?) ?([kmgt]ib)?$/i.exec(String(written).trim()) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  return number === "" || factor === undefined ? null : Math.floor(Number(number) * factor);
}
