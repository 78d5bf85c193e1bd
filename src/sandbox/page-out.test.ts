/** Goal: what is handed to swap is a process's own memory, in parts that are short to work on. Method: texts of the kernel. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { pageSliceBytesMax } from "./limits.ts";
import { type Mapping, privateMappings, slicesOf } from "./page-out.ts";

const KIBI = 1024;

const SMAPS = `00200000-02a00000 r--p 00000000 fe:00 214     /opt/bun
Size:              40960 kB
KernelPageSize:        4 kB
Rss:               20480 kB
Pss:                5120 kB
0684a000-0685f000 rw-p 06641000 fe:00 214     /opt/bun
Size:                 84 kB
Rss:                  84 kB
39808000-39829000 rw-p 00000000 00:00 0       [heap]
Size:                132 kB
Rss:                   0 kB
3d049600000-3d089600000 rwxp 00000000 00:00 0
Size:            1048576 kB
Rss:               15448 kB
7f70d0000000-7f70d0021000 rw-s 00000000 00:01 9 /memfd:shared (deleted)
Size:                132 kB
Rss:                 132 kB
VmFlags: rd wr sh mr
`;

test("private writable mappings with memory behind them are found", () => {
  expect(privateMappings(SMAPS)).toEqual([
    { start: 0x0684a000, bytes: 84 * KIBI, residentBytes: 84 * KIBI },
    { start: 0x3d049600000, bytes: 1024 ** 3, residentBytes: 15_448 * KIBI },
  ]);
});

test("those of this process are found in what its kernel says", () => {
  const mappings = privateMappings(readFileSync("/proc/self/smaps", "latin1"));

  const residentBytes = mappings.reduce((sum, mapping) => sum + mapping.residentBytes, 0);
  expect(residentBytes).toBeGreaterThan(1024 * KIBI);
  for (const { start, bytes } of mappings) expect(start + bytes).toBeLessThan(2 ** 48);
});

const slices = (mapping: Mapping) => [...slicesOf(mapping)];

test("a mapping with little in it is one slice, however large it is", () => {
  const sparse = { start: 4096, bytes: 4 * 1024 ** 3, residentBytes: pageSliceBytesMax };

  expect(slices(sparse)).toEqual([[4096, 4 * 1024 ** 3]]);
});

test("a full one is cut into slices that cover it, and nothing beside it", () => {
  const start = 5 * pageSliceBytesMax - 4096;
  const full = { start, bytes: 3 * pageSliceBytesMax, residentBytes: 3 * pageSliceBytesMax };

  expect(slices(full)).toEqual([
    [start, 4096],
    [5 * pageSliceBytesMax, pageSliceBytesMax],
    [6 * pageSliceBytesMax, pageSliceBytesMax],
    [7 * pageSliceBytesMax, pageSliceBytesMax - 4096],
  ]);
});
