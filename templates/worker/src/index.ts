/** Puts the parts together: the handlers, when they run, and the requests that hand work in. */
import { createApp } from "./app.ts";
import { sendReport } from "./handlers/report.ts";
import { resize } from "./handlers/resize.ts";
import { MemoryQueue } from "./queue.ts";
import { Schedule } from "./schedule.ts";

const queue = new MemoryQueue({ resize }, (error, job) => console.error(job, error));
const schedule = new Schedule(
  [{ name: "report", everyMs: 60 * 60 * 1000, run: () => sendReport(queue.counts) }],
  (error, name) => console.error(name, error),
);
schedule.start();

export default createApp(queue);
