/** Ranges of a buffer. One object is used again for every head, so that clearing it costs nothing. */
export class Ranges {
  /** Start and end by turns; what stands behind `length` is old. */
  readonly offsets: number[] = [];
  /** Offsets that count: two for each range. */
  length = 0;

  clear(): void {
    this.length = 0;
  }

  add(start: number, end: number): void {
    this.offsets[this.length] = start;
    this.offsets[this.length + 1] = end;
    this.length += 2;
  }

  addAll(others: Ranges): void {
    for (let index = 0; index < others.length; index += 2) {
      this.add(others.offsets[index]!, others.offsets[index + 1]!);
    }
  }

  /** The offsets that count, as a list of their own. */
  toList(): number[] {
    return this.offsets.slice(0, this.length);
  }

  /** Copies what is in the ranges of `source` to `out`, from `start`. Returns where it ends. */
  copy(source: Buffer, out: Buffer, start: number): number {
    let at = start;
    for (let index = 0; index < this.length; index += 2) {
      at += source.copy(out, at, this.offsets[index]!, this.offsets[index + 1]!);
    }
    return at;
  }
}
