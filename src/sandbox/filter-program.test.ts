import { describe, expect, test } from "bun:test";
import { assemble, type FilterRule } from "./filter-program.ts";

const arch = { audit: 0xc000003e, foreignFrom: 0x40000000 };
const ALLOWED = "allowed";

/** What the kernel would do with it: the few instructions that are used, by the book. */
function decide(program: Uint8Array, call: number, args: number[] = [], audit = arch.audit) {
  const data = new DataView(new ArrayBuffer(64));
  data.setInt32(0, call, true);
  data.setUint32(4, audit, true);
  for (const [index, value] of args.entries())
    data.setBigInt64(16 + 8 * index, BigInt(value), true);
  const code = new DataView(program.buffer);
  let accumulator = 0;
  for (let at = 0; at < program.byteLength / 8; at++) {
    const operation = code.getUint16(at * 8, true);
    const [whenTrue, whenFalse] = [code.getUint8(at * 8 + 2), code.getUint8(at * 8 + 3)];
    const value = code.getUint32(at * 8 + 4, true);
    if (operation === 0x20) accumulator = data.getUint32(value, true);
    else if (operation === 0x54) accumulator = (accumulator & value) >>> 0;
    else if (operation === 0x15) at += accumulator === value ? whenTrue : whenFalse;
    else if (operation === 0x35) at += accumulator >= value ? whenTrue : whenFalse;
    else if (operation === 0x06) return verdict(value);
    else throw new Error(`instruction ${operation}`);
  }
  throw new Error("it ran past its end");
}

function verdict(value: number): string | number {
  if (value === 0x7fff0000) return ALLOWED;
  if (value === 0x80000000) return "killed";
  expect(value >>> 16).toBe(0x0005);
  return value & 0xffff;
}

describe("a filter", () => {
  const rules: FilterRule[] = [
    { call: 10, errno: 1 },
    {
      call: 20,
      errno: 2,
      when: [[{ argument: 1, equals: 7, mask: 0xf }], [{ argument: 0, equals: 3 }]],
    },
    {
      call: 30,
      errno: 3,
      unless: [
        [
          { argument: 0, equals: 1 },
          { argument: 5, equals: -1 },
        ],
      ],
    },
    { call: 40, errno: 4, unless: [] },
    {
      call: 60,
      errno: 6,
      unless: [
        [
          { argument: 1, equals: 0 },
          { argument: 1, half: "high", equals: 0 },
        ],
      ],
    },
  ];
  const program = assemble(arch, rules);

  test("allows what no rule is about", () => {
    expect([0, 9, 11, 19, 21, 50].map((call) => decide(program, call))).toEqual(
      Array(6).fill(ALLOWED),
    );
  });

  test("refuses a call always, when a case holds, or unless one does", () => {
    expect(decide(program, 10, [9])).toBe(1);
    expect(decide(program, 20, [0, 0xf7])).toBe(2);
    expect(decide(program, 20, [3, 0])).toBe(2);
    expect(decide(program, 20, [0, 0xf8])).toBe(ALLOWED);
    expect(decide(program, 30, [1, 0, 0, 0, 0, -1])).toBe(ALLOWED);
    expect(decide(program, 30, [1, 0, 0, 0, 0, 0])).toBe(3);
    expect(decide(program, 30, [2, 0, 0, 0, 0, -1])).toBe(3);
    expect(decide(program, 40)).toBe(4);
  });

  test("looks at the half of an argument that the kernel takes", () => {
    expect(decide(program, 20, [2 ** 40 + 3])).toBe(2);
  });

  test("takes no address for none because one half of it is zero", () => {
    expect(decide(program, 60, [0, 0])).toBe(ALLOWED);
    expect(decide(program, 60, [0, 2 ** 32])).toBe(6);
    expect(decide(program, 60, [0, 4096])).toBe(6);
  });

  test("refuses a call by its second number, and kills one of another architecture", () => {
    expect(decide(program, 0x40000000 + 10)).toBe(38);
    expect(decide(program, 10, [], 0x40000003)).toBe("killed");
  });
});
