import { expect, test } from "bun:test";
import { parseLimits, processLimits } from "./process-limits.ts";

test("each limit has its name, both values and its unit", () => {
  const text = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max core file size        0                    0                    bytes     
Max open files            1024                 524288               files     
Max nice priority         0                    0                    
`;

  expect(parseLimits(text)).toEqual([
    { name: "cpu time", soft: null, hard: null, unit: "seconds" },
    { name: "core file size", soft: 0, hard: 0, unit: "bytes" },
    { name: "open files", soft: 1024, hard: 524_288, unit: "files" },
    { name: "nice priority", soft: 0, hard: 0, unit: "" },
  ]);
});

test("this process has limits, and one that is gone has none", () => {
  const names = processLimits(process.pid)?.map(({ name }) => name);

  expect(names).toContain("open files");
  // Beyond what the kernel gives out.
  expect(processLimits(2 ** 30)).toBeNull();
});
