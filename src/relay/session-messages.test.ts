import { expect, test } from "bun:test";
import { Batch } from "./batch.ts";
import { batchTextBytesMax, batchTextsMax } from "./limits.ts";
import { fromClient, message } from "./messages.ts";
import { SessionMemory } from "./session-memory.ts";
import { SessionMessages } from "./session-messages.ts";
import { StatementFeatures } from "./statement-features.ts";

function noted(parses: number, name: (count: number) => string, sql: string) {
  const memory = new SessionMemory();
  const messages = new SessionMessages(memory, {
    features: new StatementFeatures(),
    wantsTexts: false,
  });
  const batch = new Batch();
  for (let count = 0; count < parses; count += 1) {
    const bytes = message(fromClient.parse, name(count), sql, Buffer.alloc(2));
    // A chunk has more than the message.
    const chunk = Buffer.concat([bytes, bytes]);
    const statement = messages.statementOf(fromClient.parse, chunk, 0, bytes.length);
    messages.note(batch, fromClient.parse, chunk, 0, bytes.length, statement);
  }
  return { batch, memory };
}

test("a batch without an end is remembered up to a number of texts", () => {
  const { batch, memory } = noted(3 * batchTextsMax, () => "", "SELECT 1");
  expect(batch.texts.length).toBe(batchTextsMax);
  expect(batch.prepared.length).toBe(batchTextsMax);
  expect(batch.isOverfull).toBe(true);
  expect(memory.pin).toBeNull();
});

test("a batch without an end is remembered up to a number of bytes, and keeps no chunk", () => {
  const { batch } = noted(100, () => "", `SELECT '${"x".repeat(50_000)}'`);
  const bytes = batch.texts.map((text) => (text.sql?.length ?? 0) + text.bytes.buffer.byteLength);
  expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(batchTextBytesMax);
  expect(batch.isOverfull).toBe(true);
});

test("statements with names beyond what is remembered keep their session on its connection", () => {
  expect(noted(batchTextsMax, String, "SELECT 1").memory.pin).toBeNull();
  expect(noted(batchTextsMax + 1, String, "SELECT 1").memory.pin).not.toBeNull();
});
