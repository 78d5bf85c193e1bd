/** What `levain perf` reports. Plain JSON; `docs/schemas/perf.json` is made from it. */
import { z } from "zod";
import { latencySchema as latency } from "./latency-schema.ts";

const count = z.int().min(0);
const ms = z.number().min(0);
const bytes = z.number().min(0);

const errors = z.object({
  total: count.describe("Sum of the kinds"),
  timeout: count.describe("No whole answer within the client's time-out"),
  reset: count.describe("The connection ended before the answer did"),
  refused: count.describe("The connection could not be opened"),
  protocol: count.describe("What came is no HTTP answer, or no echo"),
  status: z.record(z.string(), count).describe("Answers other than 2xx and 3xx, by status"),
});

const memory = z.object({ before: bytes, peak: bytes, after: bytes });

const descriptors = z.object({ before: count, peak: count, after: count });

const pool = z.object({
  active: count.describe("Instances at the end"),
  hits: count.describe("Requests that found an instance, warm or frozen"),
  misses: count.describe("Requests that found none"),
  hitRate: z.number().nullable().describe("Hits as a share of both; null without requests"),
  creations: count.describe("Processes started"),
  failures: count.describe("Starts that failed and processes that crashed"),
  evictions: count.describe("Idle instances stopped to make room"),
});

const perfRun = z.object({
  requests: count.describe("Whole answers in the counted time, whatever their status"),
  ratePerS: z
    .number()
    .nullable()
    .describe("Answers with 2xx or 3xx per second; null where requests are measured one by one"),
  errors,
  late: count.describe("Begun in time and answered after the deadline: not counted"),
  unsent: count.describe("With --rate: due, and never sent since every connection was busy"),
  latencyMs: latency,
  cpuUsPerRequest: z
    .object({ node: z.number().min(0), apps: z.number().min(0) })
    .nullable()
    .describe("CPU time of the node and of all processes below it; null with --url"),
  memoryBytes: z
    .object({ node: memory, apps: memory })
    .nullable()
    .describe("Resident memory of the node, private memory of the apps; null with --url"),
  descriptors: z
    .object({ node: descriptors, apps: descriptors })
    .nullable()
    .describe("Open file descriptors; null with --url"),
  pool: pool.nullable().describe("Counted over the same time; null with --url"),
});

const breach = z.object({
  scenario: z.string(),
  gate: z.string().describe("Such as maxP95Ms"),
  limit: z.number(),
  value: z.number().nullable().describe("Null: not measured, which is a breach too"),
  text: z.string().describe("The same in words"),
});

const ratio = z.object({
  ratio: z.number().describe("Candidate by base: median"),
  low: z.number().nullable().describe("The spread; null with one run, which has none"),
  high: z.number().nullable(),
  verdict: z.enum(["faster", "slower", "no difference shown"]),
});

const comparison = z.object({
  base: z
    .string()
    .describe("File or checkout that is compared with, or the hooks that were left out"),
  baseCommit: z.string().nullable(),
  kind: z.enum(["report", "checkout", "hooks"]),
  isInterleaved: z.boolean().describe("Base and candidate took turns in one run"),
  notes: z.array(z.string()).describe("What makes the two less comparable"),
  scenarios: z.array(
    z.object({
      scenario: z.string(),
      rounds: count.describe("Of the candidate"),
      cpuUsAdded: z
        .object({ median: z.number(), low: z.number(), high: z.number() })
        .nullable()
        .describe("CPU per request, node and apps: candidate minus base, when they took turns"),
      metrics: z.record(z.string(), ratio).describe("rate, p50, p99, cpu"),
      isSlower: z.boolean().describe("Slower beyond the tolerance, by all of the spread"),
      verdict: z
        .enum([
          "slower",
          "a little slower",
          "faster",
          "mixed",
          "no difference shown",
          "too few runs",
          "not comparable",
        ])
        .describe("The last two: nothing can be said; `notes` has why"),
    }),
  ),
});

export const perfReport = z.object({
  format: z.literal(1),
  version: z.string().describe("Of Levain"),
  commit: z.string().nullable().describe("Of the checkout; null outside of one"),
  bun: z.string(),
  machine: z.object({
    cpu: z.string(),
    cores: count,
    memoryBytes: bytes,
    kernel: z.string(),
    loadAverage: z.number().describe("Over the minute before the run"),
  }),
  startedAt: z.string().describe("ISO 8601, UTC"),
  options: z.object({
    mode: z.enum(["http", "direct"]),
    durationMs: ms,
    warmUpMs: ms,
    concurrency: count,
    poolSize: count,
    clientTimeoutMs: ms,
    ratePerS: z.number().nullable(),
    requestsMax: count.nullable(),
    repeat: count,
    edges: count,
    apps: count,
    seed: count,
    url: z.string().nullable(),
  }),
  scenarios: z.array(
    z.object({
      name: z.string(),
      catches: z.string(),
      concurrency: count.describe("Connections, as far as the scenario allows"),
      summary: perfRun.describe("All runs together: sums, medians, latencies of all requests"),
      runs: z.array(perfRun),
    }),
  ),
  comparison: comparison.nullable(),
  breaches: z.array(breach),
  gates: z
    .object({
      kept: count.describe("Limits of the file that are kept"),
      skipped: z.array(z.string()).describe("Scenarios of the file that were not measured"),
    })
    .nullable()
    .default(null)
    .describe("What the gate file came to; null without one"),
  isPassed: z
    .boolean()
    .describe("No error, no breach, nothing slower, something compared; hooks may cost"),
});

export type PerfRun = z.infer<typeof perfRun>;
export type Breach = z.infer<typeof breach>;
export type Ratio = z.infer<typeof ratio>;
export type Comparison = z.infer<typeof comparison>;
export type PerfReport = z.infer<typeof perfReport>;
export type ScenarioReport = PerfReport["scenarios"][number];
