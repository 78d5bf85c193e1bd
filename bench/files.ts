/**
 * What a file costs: an edge that answers from memory against nginx with one worker, open_file_cache and sendfile.
 *
 *   bun bench/files.ts [--rounds 3] [--seconds 2]
 *
 * Both sides run at the same time and are asked one after the other, in turned order. Trust the ratios and the CPU time.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { turned } from "./measure.ts";
import { answers, freePort } from "./peer-port.ts";
import { childrenOf, cpuTimeMs, start } from "./processes.ts";
import { median, spread } from "./ratios.ts";
import { wrk, wrkMissing } from "./wrk.ts";

/** A small script, and a larger one. Bytes. */
export const fileSizes = [1024, 100 * 1024] as const;

export interface FileSample {
  size: number;
  peer: "Levain" | "nginx";
  requestsPerS: number;
  /** Of the process that answers, per request. Microseconds. */
  cpuUs: number;
  errors: number;
}

export interface FileEffort {
  rounds: number;
  /** Whole seconds. */
  seconds: number;
}

/** @throws when a peer does not start */
export async function measureFiles({ rounds, seconds }: FileEffort): Promise<FileSample[]> {
  const levain = [
    process.execPath,
    join(import.meta.dir, "serve-files.ts"),
    ...fileSizes.map(String),
  ];
  await using lane = await start(levain, "listening on ");
  const [, port = "", folder = ""] = /on (\d+) (.+)$/.exec(lane.line) ?? [];
  const work = mkdtempSync(join(tmpdir(), "levain-bench-"));
  try {
    const nginxPort = freePort();
    const config = join(work, "nginx.conf");
    await Bun.write(config, configOf(nginxPort, folder, work));
    await using nginx = await start(["nginx", "-c", config]);
    await answers(nginxPort, `/${fileSizes[0]}.bin`);
    const worker = childrenOf(nginx.pid)[0] ?? nginx.pid;
    const peers = [
      { peer: "Levain" as const, pid: lane.pid, port: Number(port) },
      { peer: "nginx" as const, pid: worker, port: nginxPort },
    ];
    const samples: FileSample[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const size of fileSizes) {
        for (const one of turned(peers, round)) samples.push(await sampleOf(one, size, seconds));
      }
    }
    return samples;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function sampleOf(
  { peer, pid, port }: { peer: FileSample["peer"]; pid: number; port: number },
  size: number,
  seconds: number,
): Promise<FileSample> {
  const run = {
    url: `http://127.0.0.1:${port}/${size}.bin`,
    headers: [
      "Host: site.localhost",
      "Accept: */*",
      "Accept-Encoding: gzip, br",
      "User-Agent: wrk",
    ],
    connections: 50,
  };
  await wrk({ ...run, seconds: 1 });
  const before = cpuTimeMs(pid);
  const { requests, requestsPerS, errors } = await wrk({ ...run, seconds });
  return { size, peer, requestsPerS, cpuUs: ((cpuTimeMs(pid) - before) * 1000) / requests, errors };
}

/** A table for people; ratios are of the same round. */
export function filesTable(samples: readonly FileSample[]): string {
  const rows = fileSizes.flatMap((size) =>
    (["Levain", "nginx"] as const).map((peer) => {
      const own = samples.filter((one) => one.size === size && one.peer === peer);
      const other = samples.filter((one) => one.size === size && one.peer === "nginx");
      const ratios = own.map(
        ({ requestsPerS }, round) => requestsPerS / other[round]!.requestsPerS,
      );
      const cpu = own.map(({ cpuUs }) => cpuUs);
      const rate = own.map(({ requestsPerS }) => requestsPerS / 1000);
      return `| ${size / 1024} KiB | ${peer} | ${spread(rate, 1)} k | ${spread(ratios, 2)} | ${median(cpu).toFixed(1)} | ${own.reduce((sum, { errors }) => sum + errors, 0)} |`;
    }),
  );
  return [
    "| file | peer | requests/s, median (range) | × nginx | CPU µs per request | errors |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function configOf(port: number, folder: string, work: string): string {
  return `
user root;
worker_processes 1;
daemon off;
pid ${work}/nginx.pid;
error_log ${work}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=100;
  open_file_cache_valid 60s;
  client_body_temp_path ${work}/body;
  proxy_temp_path ${work}/proxy;
  fastcgi_temp_path ${work}/fastcgi;
  uwsgi_temp_path ${work}/uwsgi;
  scgi_temp_path ${work}/scgi;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${folder};
  }
}
`;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "2" },
    },
  });
  const missing = wrkMissing();
  if (missing !== null) throw new Error(missing);
  console.log(
    filesTable(
      await measureFiles({ rounds: Number(values.rounds), seconds: Number(values.seconds) }),
    ),
  );
}
