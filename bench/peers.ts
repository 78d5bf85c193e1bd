/**
 * What is compared: the same app, served in different ways. Every peer listens on a free port of the loopback interface
 * and is made of fresh processes each time.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childrenOf, type Started, start } from "./processes.ts";

export interface RunningPeer extends AsyncDisposable {
  port: number;
  /** Host header to send. */
  host: string;
  /** Its processes by what they do. */
  processes: Record<string, number>;
}

export interface Peer {
  name: string;
  /** What has to be installed for it; null: nothing. */
  needs: string | null;
  start(module: string): Promise<RunningPeer>;
}

const appServer = join(import.meta.dir, "serve-app.ts");
const laneProcess = join(import.meta.dir, "../test/http/edge-process.ts");

export const peers: readonly Peer[] = [
  { name: "bare Bun.serve", needs: null, start: startBare },
  { name: "HAProxy", needs: "haproxy", start: (module) => startProxy(module, haproxy) },
  { name: "nginx", needs: "nginx", start: (module) => startProxy(module, nginx) },
  { name: "Levain", needs: null, start: startLevain },
];

/** Why a peer cannot be started here, or null. */
export function missing(peer: Peer): string | null {
  if (peer.needs === null || Bun.which(peer.needs) !== null) return null;
  return `${peer.name}: ${peer.needs} is not installed`;
}

async function startBare(module: string): Promise<RunningPeer> {
  const app = await start([process.execPath, appServer, module], "listening on");
  return running(portIn(app.line), { app: app.pid }, [app]);
}

async function startLevain(module: string): Promise<RunningPeer> {
  const folder = module.slice(0, module.lastIndexOf("/"));
  const entry = module.slice(folder.length + 1);
  const node = await start([process.execPath, laneProcess, folder, entry], "listening on");
  const port = portIn(node.line);
  const app = Number(/app (\d+)/.exec(node.line)?.[1]);
  return { ...running(port, { edge: node.pid, app }, [node]), host: `probe.localhost:${port}` };
}

interface ProxyKind {
  /** Text of its configuration. */
  configure(port: number, unix: string, folder: string): string;
  command(config: string): string[];
  /** The process that does the work. */
  workerOf(pid: number): number;
}

const haproxy: ProxyKind = {
  configure: (port, unix) => `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  http-reuse always
frontend edge
  bind 127.0.0.1:${port}
  default_backend app
backend app
  server app unix@${unix}
`,
  command: (config) => ["haproxy", "-db", "-q", "-f", config],
  workerOf: (pid) => pid,
};

const nginx: ProxyKind = {
  configure: (port, unix, folder) => `
user root;
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream app { server unix:${unix}; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }
  }
}
`,
  command: (config) => ["nginx", "-c", config],
  workerOf: (pid) => childrenOf(pid)[0] ?? pid,
};

async function startProxy(module: string, kind: ProxyKind): Promise<RunningPeer> {
  const folder = mkdtempSync(join(tmpdir(), "levain-bench-"));
  const unix = join(folder, "app.sock");
  const config = join(folder, "proxy.conf");
  const started: Started[] = [];
  const cleanUp = { [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true }) };
  try {
    const app = await start([process.execPath, appServer, module, unix], "listening on");
    started.push(app);
    const port = await freePort();
    await Bun.write(config, kind.configure(port, unix, folder));
    const proxy = await start(kind.command(config));
    started.push(proxy);
    await answers(port);
    const processes = { edge: kind.workerOf(proxy.pid), app: app.pid };
    return running(port, processes, [proxy, app, cleanUp]);
  } catch (error) {
    for (const one of [...started.reverse(), cleanUp]) await one[Symbol.asyncDispose]();
    throw error;
  }
}

function running(
  port: number,
  processes: Record<string, number>,
  parts: readonly AsyncDisposable[],
): RunningPeer {
  return {
    port,
    host: `127.0.0.1:${port}`,
    processes,
    [Symbol.asyncDispose]: async () => {
      for (const part of parts) await part[Symbol.asyncDispose]();
    },
  };
}

function portIn(line: string): number {
  return Number(/\d+/.exec(line)?.[0]);
}

/** A port that was free a moment ago: the proxies cannot be asked which one they chose. */
async function freePort(): Promise<number> {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

/** Resolves when the port answers with 200. @throws after five seconds. */
async function answers(port: number): Promise<void> {
  const endAtMs = performance.now() + 5000;
  for (;;) {
    const status = await fetch(`http://127.0.0.1:${port}/`).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    if (performance.now() > endAtMs) throw new Error(`port ${port} answers ${status}`);
    await Bun.sleep(5);
  }
}
