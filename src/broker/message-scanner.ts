/**
 * Reads a message as supervisors write it, without making an object of it: looks at each byte once, checks the shape on the way
 * (`message-fields.ts`), and notes where the few texts stand that a dispatch is made of. What it makes is no garbage, which for a
 * parsed message is several times its size. Whatever is unusual, valid or not, is left to those who parse it (`dispatch-body.ts`): white
 * space, a name with an escape, a field twice, a number with an exponent.
 *
 * What is accepted here is accepted there, and read the same: `message-scanner.test.ts` holds it to that.
 */
import { type Fields, levelsMax, message, SLOTS, type Spec } from "./message-fields.ts";
import { isDate } from "./message-shape.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
/** A number with so few digits is finite. */
const numberBytesMax = 24;
/** `2026-11-21T10:00:00.000Z` */
const dateBytes = 24;

/** Bytes that stand in a text for themselves; those of UTF-8, which is known to be valid, among them. */
const PLAIN = new Uint8Array(256).fill(1, 0x20);
PLAIN[QUOTE] = 0;
PLAIN[BACKSLASH] = 0;
/** The same, of ASCII. */
const ASCII = PLAIN.map((isPlain, byte) => (byte < 0x7f ? isPlain : 0));

/** Where the texts of the latest message stand, without quotes; by slot. An end of -1: it has none. */
export const starts = new Int32Array(SLOTS);
export const ends = new Int32Array(SLOTS);

// One message at a time: nothing here waits.
let bytes: Buffer = Buffer.alloc(0);
let at = 0;

/** Whether `buffer[start..end)` is a message. A byte follows it that belongs to no value. */
export function scanMessage(buffer: Buffer, start: number, end: number): boolean {
  bytes = buffer;
  at = start;
  ends.fill(-1);
  return scanValue(message) && at === end;
}

function scanValue(spec: Spec): boolean {
  switch (spec.kind) {
    case "text":
      return scanText(spec);
    case "date":
      return scanDate();
    case "number":
      return scanNumber(spec.slot);
    case "boolean":
      return skipWord("true") || skipWord("false");
    case "object":
      return scanObject(spec.fields!);
    case "list":
      return scanList(spec.item!);
    case "never":
      return false;
  }
}

function scanObject(fields: Fields): boolean {
  if (bytes[at++] !== OPENING_BRACE) return false;
  let seen = 0;
  let next = 0;
  if (bytes[at] === CLOSING_BRACE) at++;
  else {
    while (true) {
      const index = matchName(fields.nameBytes, next);
      if (index === -1) {
        if (!skipPlainName() || !skipValue(levelsMax)) return false;
      } else {
        const bit = 1 << index;
        // The last one would count.
        if ((seen & bit) !== 0) return false;
        seen |= bit;
        next = index + 1;
        if (!scanValue(fields.specs[index]!)) return false;
      }
      const byte = bytes[at++];
      if (byte === CLOSING_BRACE) break;
      if (byte !== COMMA) return false;
    }
  }
  return (seen & fields.required) === fields.required;
}

/** Which name stands here, with its quotes and colon; goes behind it. Most often it is the one after the one before. */
function matchName(names: readonly Uint8Array[], first: number): number {
  const buffer = bytes;
  const count = names.length;
  for (let tried = 0; tried < count; tried++) {
    const index = first + tried < count ? first + tried : first + tried - count;
    const name = names[index]!;
    const { length } = name;
    let offset = 0;
    while (offset < length && buffer[at + offset] === name[offset]) offset++;
    if (offset < length) continue;
    at += length;
    return index;
  }
  return -1;
}

/** An unknown name. One with an escape could be a known one. */
function skipPlainName(): boolean {
  return skipPlainText(PLAIN) && bytes[at++] === COLON;
}

function scanText(spec: Spec): boolean {
  if (spec.slot === -1 && spec.valueBytes === null) {
    return skipText() || (spec.isNullable && skipWord("null"));
  }
  const start = at + 1;
  if (!skipPlainText(ASCII)) return false;
  const end = at - 1;
  if (spec.slot !== -1) {
    starts[spec.slot] = start;
    ends[spec.slot] = end;
  }
  return spec.valueBytes === null || isOneOf(spec.valueBytes, start, end);
}

function isOneOf(values: readonly Uint8Array[], start: number, end: number): boolean {
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (value.length !== end - start) continue;
    let offset = 0;
    while (offset < value.length && bytes[start + offset] === value[offset]) offset++;
    if (offset === value.length) return true;
  }
  return false;
}

function scanDate(): boolean {
  const start = at + 1;
  if (!skipPlainText(ASCII) || at - 1 - start !== dateBytes) return false;
  return isDate(bytes.latin1Slice(start, at - 1));
}

function scanNumber(slot: number): boolean {
  const start = at;
  if (!skipPlainNumber() || at - start > numberBytesMax) return false;
  if (slot !== -1) {
    starts[slot] = start;
    ends[slot] = at;
  }
  return true;
}

function scanList(item: Spec): boolean {
  if (bytes[at++] !== OPENING_BRACKET) return false;
  if (bytes[at] === CLOSING_BRACKET) {
    at++;
    return true;
  }
  while (true) {
    if (!scanValue(item)) return false;
    const byte = bytes[at++];
    if (byte === CLOSING_BRACKET) return true;
    if (byte !== COMMA) return false;
  }
}

// --- JSON of any shape ---

/** @param levels that may open */
function skipValue(levels: number): boolean {
  switch (bytes[at]) {
    case QUOTE:
      return skipText();
    case OPENING_BRACE:
      return levels > 0 && skipMembers(levels - 1, CLOSING_BRACE);
    case OPENING_BRACKET:
      return levels > 0 && skipMembers(levels - 1, CLOSING_BRACKET);
    case 0x74:
      return skipWord("true");
    case 0x66:
      return skipWord("false");
    case 0x6e:
      return skipWord("null");
    default:
      return skipPlainNumber();
  }
}

/** Of an object or a list, from its opening bracket on. */
function skipMembers(levels: number, closing: number): boolean {
  at++;
  if (bytes[at] === closing) {
    at++;
    return true;
  }
  while (true) {
    if (closing === CLOSING_BRACE && !(skipText() && bytes[at++] === COLON)) return false;
    if (!skipValue(levels)) return false;
    const byte = bytes[at++];
    if (byte === closing) return true;
    if (byte !== COMMA) return false;
  }
}

function skipText(): boolean {
  const buffer = bytes;
  if (buffer[at] !== QUOTE) return false;
  let to = at + 1;
  while (true) {
    while (PLAIN[buffer[to]!] === 1) to++;
    if (buffer[to] === QUOTE) {
      at = to + 1;
      return true;
    }
    if (buffer[to] !== BACKSLASH) return false;
    to = afterEscape(to + 1);
    if (to === -1) return false;
  }
}

/** A text of these bytes alone. */
function skipPlainText(allowed: Uint8Array): boolean {
  const buffer = bytes;
  if (buffer[at] !== QUOTE) return false;
  let to = at + 1;
  while (allowed[buffer[to]!] === 1) to++;
  at = to + 1;
  return buffer[to] === QUOTE;
}

/** Where the text goes on behind the escape whose letter stands at `letter`; -1 when it is none. */
function afterEscape(letter: number): number {
  switch (bytes[letter]) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return letter + 1;
    case 0x75:
      for (let digit = letter + 1; digit <= letter + 4; digit++) {
        if (!isHex(bytes[digit] ?? 0)) return -1;
      }
      return letter + 5;
    default:
      return -1;
  }
}

function isHex(byte: number): boolean {
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66);
}

/** A number without an exponent. */
function skipPlainNumber(): boolean {
  if (bytes[at] === 0x2d) at++;
  const start = at;
  skipDigits();
  // 0 stands alone.
  if (at === start || (bytes[start] === 0x30 && at > start + 1)) return false;
  if (bytes[at] === 0x2e) {
    const fraction = ++at;
    skipDigits();
    if (at === fraction) return false;
  }
  // An exponent is left to those who parse; anything else that follows is found by whoever reads on.
  return true;
}

function skipDigits(): void {
  while (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
}

function skipWord(word: string): boolean {
  for (let index = 0; index < word.length; index++) {
    if (bytes[at + index] !== word.charCodeAt(index)) return false;
  }
  at += word.length;
  return true;
}
