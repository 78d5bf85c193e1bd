/** Methods that Bun's (and Node's) Buffer has and bun-types does not declare: a decoder or encoder without a lookup. */
interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  utf8Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
  utf8Write(text: string, offset?: number, length?: number): number;
}
