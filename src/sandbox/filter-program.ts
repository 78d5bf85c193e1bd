/**
 * A seccomp filter: which system calls are answered with an error instead of being made. Rules in, a classic BPF
 * program out; pure. The kernel remembers which calls are allowed whatever their arguments, and does not run the
 * program for those.
 */
import { invariant } from "../base/errors.ts";

/** Half of an argument of a call. */
export interface ArgumentTest {
  /** 0 to 5. */
  argument: number;
  /**
   * Default `low`, the 32 bits that the kernel takes as an `int`. An address or a length needs a test of both: with one
   * half chosen to fit, it would pass for another.
   */
  half?: "low" | "high";
  /** Bits that are looked at. Default all 32. */
  mask?: number;
  equals: number;
}

export interface FilterRule {
  call: number;
  /** The error that it is answered with. */
  errno: number;
  /** When every test of any one of these holds, it is refused. Neither this nor `unless`: always. */
  when?: readonly (readonly ArgumentTest[])[];
  /** When every test of any one of these holds, it is allowed, and otherwise refused. */
  unless?: readonly (readonly ArgumentTest[])[];
}

/** How the kernel names an architecture, and which numbers are of another one on it. */
export interface FilterArch {
  /** AUDIT_ARCH_*; linux/audit.h. */
  audit: number;
  /** Calls from this number on are the same ones by another way. Null: none. */
  foreignFrom: number | null;
}

/** The program, instructions of 8 bytes. @param rules at most one for a call */
export function assemble(arch: FilterArch, rules: readonly FilterRule[]): Uint8Array {
  invariant(new Set(rules.map(({ call }) => call)).size === rules.length, "a call has one rule");
  const program = [
    load(OFFSET_ARCH),
    ...unlessEqual(arch.audit, [answer(KILL)]),
    load(OFFSET_NUMBER),
    ...(arch.foreignFrom === null
      ? []
      : [jump(JUMP_AT_LEAST, arch.foreignFrom, 0, 1), answer(ERRNO | ENOSYS)]),
    ...rules.flatMap(ruleCode),
    answer(ALLOW),
  ];
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, whenTrue, whenFalse, value }, index) => {
    invariant(whenTrue < 256 && whenFalse < 256, "a jump is short");
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, whenTrue);
    view.setUint8(index * 8 + 3, whenFalse);
    view.setUint32(index * 8 + 4, value >>> 0, true);
  });
  return bytes;
}

/** struct sock_filter. */
interface Instruction {
  code: number;
  whenTrue: number;
  whenFalse: number;
  value: number;
}

/** The number of the call is in the accumulator before and after. */
function ruleCode({ call, errno, when, unless }: FilterRule): Instruction[] {
  const refuse = answer(ERRNO | errno);
  if (when === undefined && unless === undefined) return whenEqual(call, [refuse]);
  const cases = (when ?? unless)!;
  const matched = answer(when === undefined ? ALLOW : ERRNO | errno);
  const otherwise = answer(when === undefined ? ERRNO | errno : ALLOW);
  return whenEqual(call, [...cases.flatMap((tests) => caseCode(tests, matched)), otherwise]);
}

/** Answers when all tests hold; goes on after it otherwise. */
function caseCode(tests: readonly ArgumentTest[], matched: Instruction): Instruction[] {
  let code = [matched];
  for (const { argument, half, mask, equals } of [...tests].reverse()) {
    const masked = mask === undefined ? [] : [{ ...plain, code: AND, value: mask }];
    const look = [load(OFFSET_ARGUMENTS + 8 * argument + (half === "high" ? 4 : 0)), ...masked];
    code = [...look, jump(JUMP_EQUAL, equals, 0, code.length), ...code];
  }
  return code;
}

function whenEqual(value: number, code: Instruction[]): Instruction[] {
  return [jump(JUMP_EQUAL, value, 0, code.length), ...code];
}

function unlessEqual(value: number, code: Instruction[]): Instruction[] {
  return [jump(JUMP_EQUAL, value, code.length, 0), ...code];
}

const plain: Instruction = { code: 0, whenTrue: 0, whenFalse: 0, value: 0 };

function load(offset: number): Instruction {
  return { ...plain, code: LOAD, value: offset };
}

function answer(value: number): Instruction {
  return { ...plain, code: RETURN, value };
}

function jump(code: number, value: number, whenTrue: number, whenFalse: number): Instruction {
  return { code, value, whenTrue, whenFalse };
}

// linux/bpf_common.h
const LOAD = 0x20;
const AND = 0x54;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const RETURN = 0x06;
// linux/seccomp.h, struct seccomp_data; little endian, as every machine Bun runs on
const OFFSET_NUMBER = 0;
const OFFSET_ARCH = 4;
const OFFSET_ARGUMENTS = 16;
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const KILL = 0x80000000;
const ENOSYS = 38;
