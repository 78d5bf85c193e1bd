import { expect, test } from "bun:test";
import { randomFillSync } from "node:crypto";
import { isTraceparent } from "../http/head-parser.ts";
import { traceBatchMax } from "./limits.ts";
import { REQUEST_ID_LINE_BYTES, TRACE_LINES_BYTES, TraceLines } from "./trace-lines.ts";

test("each request gets ids of its own, the request's being the trace's, over many batches", () => {
  const lines = new TraceLines((bytes) => randomFillSync(bytes));
  const ids = new Set<string>();

  for (let index = 0; index < 3 * traceBatchMax; index++) {
    lines.next();
    const text = lines.buffer.latin1Slice(lines.at, lines.at + TRACE_LINES_BYTES);
    const [id = "", parent = "", ...rest] = text.split("\r\n");
    const traceId = id.slice("x-request-id: ".length);
    const traceparent = parent.slice("traceparent: ".length);
    ids.add(traceId);

    expect(rest).toEqual([""]);
    expect(id.length + 2).toBe(REQUEST_ID_LINE_BYTES);
    expect(isTraceparent(traceparent)).toBeTrue();
    expect(traceparent.split("-")[1]).toBe(traceId);
  }

  expect(ids.size).toBe(3 * traceBatchMax);
});

test("ids are written as the bytes that were drawn", () => {
  const lines = new TraceLines((bytes) =>
    bytes.fill("4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7", "hex"),
  );
  lines.next();

  expect(lines.buffer.latin1Slice(lines.at, lines.at + TRACE_LINES_BYTES)).toBe(
    "x-request-id: 4bf92f3577b34da6a3ce929d0e0e4736\r\n" +
      "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
  );
});
