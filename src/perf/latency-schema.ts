/** How long requests of a load took, as reports have it. Milliseconds. */
import { z } from "zod";

const ms = z.number().min(0);

export const latencySchema = z.object({
  min: ms,
  mean: ms,
  p50: ms,
  p90: ms,
  p95: ms,
  p99: ms,
  p999: ms,
  max: ms,
});
