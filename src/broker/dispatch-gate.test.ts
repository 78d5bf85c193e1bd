import { expect, test } from "bun:test";
import { StillClock } from "../base/clock-for-tests.ts";
import { createDispatchGate } from "./dispatch-gate.ts";
import { voucherClockSkewMs, voucherTtlMs } from "./limits.ts";

function setup(token: string | null = "sesame") {
  const clock = new StillClock();
  clock.timeMs = 1_800_000_000_000;
  return { clock, gate: createDispatchGate({ token, clock }) };
}

test("the token lets in, whatever the case of its scheme; nothing else does", () => {
  const { gate } = setup();
  const headers = [
    "Bearer sesame",
    "bearer  sesame",
    "Bearer sesame1",
    "Bearer sesam",
    "Bearer ",
    "sesame",
    "Basic sesame",
    "Bearer sesame sesame",
    "",
    null,
  ];

  expect(headers.map((header) => gate.admits(header))).toEqual([
    ...[true, true],
    ...Array<boolean>(8).fill(false),
  ]);
});

test("without a token everybody is let in", () => {
  const { gate } = setup(null);

  expect(gate.admits(null)).toBeTrue();
  expect(gate.admitsVouched(gate.vouch())).toBeTrue();
});

test("a voucher lets in where the same token is asked for, and is not the token", () => {
  const voucher = setup().gate.vouch();

  expect(setup().gate.admitsVouched(voucher)).toBeTrue();
  expect(setup("another").gate.admitsVouched(voucher)).toBeFalse();
  expect(voucher).not.toContain("sesame");
});

test("a voucher ends, and cannot be made to last", () => {
  const { clock, gate } = setup();
  const voucher = gate.vouch();
  const later = `${clock.timeMs + voucherTtlMs + 1}.${voucher.split(".")[1]}`;
  const distant = setup();
  distant.clock.timeMs += 1_000_000;

  clock.timeMs += voucherTtlMs + voucherClockSkewMs;
  expect(gate.admitsVouched(voucher)).toBeTrue();
  expect(gate.admitsVouched(later)).toBeFalse();

  clock.timeMs += 1;
  expect(gate.admitsVouched(voucher)).toBeFalse();
  // What a broker whose clock is far ahead has made would let in for as long.
  expect(gate.admitsVouched(distant.gate.vouch())).toBeFalse();
  for (const wrong of ["", ".", "1.x", `x.${voucher}`]) {
    expect(gate.admitsVouched(wrong)).toBeFalse();
  }
});
