/**
 * Proxies in front of the same app on a unix socket, each with one thread or worker where it can be told so, connections
 * to the app that are kept, and no access log.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { answers, freePort } from "./peer-port.ts";
import { childrenOf, type Started, start } from "./processes.ts";
import { type RunningPeer, running } from "./running-peer.ts";

export interface ProxyKind {
  /** Text of its configuration. */
  configure(port: number, unix: string, folder: string): string;
  command(config: string, port: number, unix: string): string[];
  /** The process that does the work. */
  workerOf(pid: number): number;
}

export const haproxy: ProxyKind = {
  configure: (port, unix) => `
global
  nbthread 1
  maxconn 8192
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

export const nginx: ProxyKind = {
  configure: (port, unix, folder) => `
user root;
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream app { server unix:${unix}; keepalive 2048; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }
  }
}
`,
  command: (config) => ["nginx", "-c", config],
  workerOf: (pid) => childrenOf(pid)[0] ?? pid,
};

export const caddy: ProxyKind = {
  configure: (port, unix) => `
{
  admin off
  auto_https off
  log {
    output discard
  }
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy unix/${unix} {
    transport http {
      keepalive_idle_conns 4096
      keepalive_idle_conns_per_host 4096
    }
  }
}
`,
  // It writes into its home otherwise.
  command: (config) => [
    "env",
    `XDG_CONFIG_HOME=${dirname(config)}`,
    `XDG_DATA_HOME=${dirname(config)}`,
    ...["caddy", "run", "--config", config, "--adapter", "caddyfile"],
  ],
  workerOf: (pid) => pid,
};

/** Starts the app on a unix socket, by a module of this folder, and the proxy in front of it. */
export async function startProxy(
  module: string,
  kind: ProxyKind,
  server = "serve-app.ts",
): Promise<RunningPeer> {
  const folder = mkdtempSync(join(tmpdir(), "levain-bench-"));
  const unix = join(folder, "app.sock");
  const config = join(folder, "proxy.conf");
  const started: Started[] = [];
  const cleanUp = { [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true }) };
  try {
    const app = await start(
      [process.execPath, join(import.meta.dir, server), module, unix],
      "listening on",
    );
    started.push(app);
    const port = freePort();
    await Bun.write(config, kind.configure(port, unix, folder));
    const proxy = await start(kind.command(config, port, unix));
    started.push(proxy);
    await answers(port);
    const processes = { edge: kind.workerOf(proxy.pid), app: app.pid };
    return running(port, processes, [proxy, app, cleanUp]);
  } catch (error) {
    for (const one of [...started.reverse(), cleanUp]) await one[Symbol.asyncDispose]();
    throw error;
  }
}
