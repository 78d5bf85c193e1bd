/** What `levain bench broker` reports. Plain JSON; `docs/schemas/bench.json` is made from it. */
import { z } from "zod";
import { latencySchema as latency } from "./latency-schema.ts";

const count = z.int().min(0);
const ms = z.number().min(0);
const byStatus = z.record(z.string(), count);

const answers = z.object({
  count,
  ratePerS: z.number().min(0),
  latencyMs: latency.describe("From the first byte of the dispatch to the last of its answer"),
});

export const brokerReport = z.object({
  format: z.literal(1),
  version: z.string().describe("Of Levain"),
  bun: z.string(),
  machine: z.object({
    cpu: z.string(),
    cores: count,
    memoryBytes: z.number().min(0),
    kernel: z.string(),
    loadAverage: z.number().describe("Over the minute before the run"),
  }),
  options: z.object({
    url: z.string().nullable().describe("Null: it started a broker of its own"),
    controllers: count,
    dispatchers: count,
    keys: count,
    payloadBytes: count,
    hitRatio: z.number().min(0).max(1),
    directWithinMs: count.nullable().describe("Of its own broker; null with --url"),
    warmUpMs: ms,
    durationMs: ms,
    seed: count,
  }),
  hits: answers.describe("Dispatches answered with `didWarmStart: true`"),
  misses: answers.describe("Dispatches answered with `didWarmStart: false`"),
  missesUnasked: count.describe("Of the misses, those of a key for which controllers poll"),
  redirects: count.describe("Polls answered with a redirect: offers, and other brokers"),
  lost: count.describe("Answered with true, and no controller got the message"),
  doubled: count.describe("Messages that came to a second controller"),
  errors: z.object({
    refused: count,
    reset: count.describe("Dispatches whose connection ended before the answer"),
    timeout: count,
    status: byStatus.describe("Answers to dispatches other than 200, by status"),
    ended: byStatus.describe("Answers to polls that would end a real runner, by status"),
    dropped: count.describe("Polls whose connection the broker ended"),
  }),
  cpuUsPerDispatch: z.object({
    broker: z.number().nullable().describe("Null when its process is not known"),
    client: z.number(),
  }),
  memoryBytes: z
    .object({
      resident: z.number(),
      share: z.number().describe("With shared pages divided among those who share them (PSS)"),
      perController: z
        .number()
        .describe("Grown since before the controllers came, divided by their count"),
    })
    .nullable()
    .describe("Of the broker, with everybody connected; null when its process is not known"),
});

export type BrokerReport = z.infer<typeof brokerReport>;

/** Whether nothing went wrong in it. */
export function isClean({ lost, doubled, errors }: BrokerReport): boolean {
  const { refused, reset, timeout, status, ended } = errors;
  const others = [...Object.values(status), ...Object.values(ended)];
  return lost + doubled + refused + reset + timeout === 0 && others.length === 0;
}
