/**
 * Keeps the requests of an ephemeral app apart where they share a process and a module graph does not: each has an
 * environment and default database clients of its own, its listeners on the process and on the global object go with it,
 * and neither ends the process nor moves it to another folder.
 *
 * What it does not see: properties of the global object and of prototypes, and writes to `Bun.env` and
 * `import.meta.env`, which are Bun's own and stay as they were at the start.
 */

/** What one request has done to the process. */
interface Traces {
  /** A copy, made when the request changes the environment. */
  env: Record<string, string> | null;
  /** Default clients of databases that the request has used. */
  clients: Map<string, object>;
  undo: (() => void)[];
  onExit(error: Error): void;
}

type Environment = Record<string | symbol, unknown>;

export class SharedProcess {
  readonly #byGraph = new WeakMap<object, Traces>();

  /** Changes the process's globals. Call it once, when it has its environment and before code of the app's runs. */
  install(): void {
    this.#isolateEnvironment();
    this.#noteListeners();
    const clients = Bun as unknown as Record<string, unknown>;
    clients["sql"] = clients["postgres"] = this.#ofEach("sql", () => new Bun.SQL());
    clients["redis"] = this.#ofEach("redis", () => {
      // By itself it looks at the environment that the process was started with.
      const { REDIS_URL, VALKEY_URL } = process.env;
      return new Bun.RedisClient(REDIS_URL ?? VALKEY_URL);
    });
    const { exit } = process;
    process.exit = (code) => {
      const traces = this.#current();
      if (traces === null) return exit(code);
      const error = new Error(`process.exit(${code ?? ""}) was called: it ends this request`);
      traces.onExit(error);
      throw error;
    };
    const { chdir } = process;
    process.chdir = (folder) => {
      if (this.#current() === null) return chdir(folder);
      // As in a worker, which shares its process too.
      const error = new TypeError("process.chdir() is not supported: requests share the process");
      throw Object.assign(error, { code: "ERR_WORKER_UNSUPPORTED_OPERATION" });
    };
  }

  /** From here on what runs in `graph` is told from others; `onExit` hears when it calls `process.exit`. */
  enter(graph: object, onExit: (error: Error) => void): void {
    this.#byGraph.set(graph, { env: null, clients: new Map(), undo: [], onExit });
  }

  /** Undoes what can be undone. Twice is safe. */
  leave(graph: object): void {
    const traces = this.#byGraph.get(graph);
    if (traces === undefined) return;
    for (const undo of traces.undo.splice(0)) undo();
  }

  #current(): Traces | null {
    const { current } = Bun.ModuleGraph;
    return current === undefined ? null : (this.#byGraph.get(current) ?? null);
  }

  #isolateEnvironment(): void {
    const shared = process.env as Environment;
    const read = (): Environment => this.#current()?.env ?? shared;
    const own = (): Environment => {
      const traces = this.#current();
      if (traces === null) return shared;
      traces.env ??= { ...process.env } as Record<string, string>;
      return traces.env;
    };
    process.env = new Proxy({} as NodeJS.ProcessEnv, {
      get: (_target, name) => read()[name],
      set: (_target, name, value) => {
        if (typeof name === "symbol") return false;
        own()[name] = String(value);
        return true;
      },
      has: (_target, name) => name in read(),
      deleteProperty: (_target, name) => delete own()[name],
      ownKeys: () => Reflect.ownKeys(read()),
      getOwnPropertyDescriptor: (_target, name) => {
        const property = Reflect.getOwnPropertyDescriptor(read(), name);
        return property && { ...property, configurable: true };
      },
      defineProperty: (_target, name, property) => {
        own()[name] = String(property.value);
        return true;
      },
    });
  }

  /**
   * A client like `Bun.sql`, made for each request that uses it. Bun makes one for the process, which would go with the
   * first request and leave the others without.
   */
  #ofEach(name: string, make: () => object): object {
    const hosts = new Map<string, object>();
    const own = (): object => {
      const clients = this.#current()?.clients ?? hosts;
      let client = clients.get(name);
      if (client === undefined) {
        client = make();
        clients.set(name, client);
      }
      return client;
    };
    return new Proxy(() => {}, {
      apply: (_target, _self, args) => (own() as (...args: unknown[]) => unknown)(...args),
      get: (_target, property) => {
        const client = own();
        const value = Reflect.get(client, property);
        return typeof value === "function" ? value.bind(client) : value;
      },
      set: (_target, property, value) => Reflect.set(own(), property, value),
      has: (_target, property) => property in own(),
    });
  }

  #noteListeners(): void {
    process.on("newListener", (event, listener) => {
      this.#current()?.undo.push(() => void process.removeListener(event as string, listener));
    });
    const { addEventListener } = globalThis;
    const noted = (...args: Parameters<typeof addEventListener>) => {
      addEventListener(...args);
      const [type, listener, options] = args;
      this.#current()?.undo.push(() => globalThis.removeEventListener(type, listener, options));
    };
    globalThis.addEventListener = noted as typeof addEventListener;
  }
}
