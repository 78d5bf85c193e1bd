/** Builds a folder of given files for real, for the tests of this folder. */
import { cp, rm } from "node:fs/promises";
import type { PlatformError } from "../base/errors.ts";
import { emptyEnvironment } from "../secrets/environments-for-tests.ts";
import type { OpenEnvironment } from "../secrets/version-environment.ts";
import { AppBuilder, type AppBuilderOptions } from "./build.ts";
import type { BuiltApp, SourceQuery } from "./builder.ts";
import type { DeployEvent } from "./deploy-api.ts";
import { TestFolder } from "./folder-for-tests.ts";

export class TestBuilds implements Disposable {
  readonly data = new TestFolder({ "builds/.keep": "" });
  readonly events: DeployEvent[] = [];
  #uploads = 0;

  /** Lines that the children printed. */
  get output(): string[] {
    return this.events.flatMap((event) => (event.type === "output" ? [event.line] : []));
  }

  get steps(): string[] {
    return this.events.flatMap((event) => (event.type === "step" ? [event.step] : []));
  }

  /** @param source files by path, or a folder to copy */
  async build(
    source: Record<string, string> | string,
    options: Partial<AppBuilderOptions> & {
      signal?: AbortSignal;
      app?: string;
      environment?: OpenEnvironment;
      asked?: SourceQuery;
    } = {},
  ): Promise<BuiltApp> {
    const { signal = new AbortController().signal, app = "shop", ...rest } = options;
    this.#uploads += 1;
    const upload = this.data.at("builds", `.upload-${this.#uploads}`);
    if (typeof source === "string") await cp(source, upload, { recursive: true });
    else
      this.data.write(
        Object.fromEntries(
          Object.entries(source).map(([path, text]) => [
            `builds/.upload-${this.#uploads}/${path}`,
            text,
          ]),
        ),
      );
    const builder = new AppBuilder({ dataDir: this.data.path, ...rest });
    const emit = (event: DeployEvent) => void this.events.push(event);
    try {
      const facts = await builder.readSource(upload, signal, emit, options.asked);
      return await builder.build({
        app,
        source: upload,
        workFolder: this.workFolder(app),
        facts,
        branch: "main",
        environment: options.environment ?? { ...emptyEnvironment, declaration: facts.config.env },
        emit,
        signal,
      });
    } finally {
      await rm(upload, { recursive: true, force: true });
    }
  }

  workFolder(app: string): string {
    return this.data.at("builds", app);
  }

  /** The error that a build fails with. */
  async failure(...args: Parameters<TestBuilds["build"]>): Promise<PlatformError> {
    const error = await this.build(...args).then(
      () => null,
      (thrown) => thrown,
    );
    if (error === null) throw new Error("the build did not fail");
    return error;
  }

  /** Moves what was built elsewhere, as the artifact store does, and runs it: what it prints. */
  async run(built: BuiltApp): Promise<string> {
    const folder = this.data.at(`artifact-${crypto.randomUUID()}`);
    await cp(built.folder, folder, { recursive: true, verbatimSymlinks: true });
    await rm(built.folder, { recursive: true });
    const code = `const app = await import("./${built.entry}"); if (app.default?.fetch) console.log(await (await app.default.fetch(new Request("http://x/"))).text()); process.exit(0)`;
    const child = Bun.spawn([process.execPath, "--no-install", "--no-env-file", "-e", code], {
      cwd: folder,
      stdout: "pipe",
      stderr: "pipe",
      env: {},
    });
    const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return `${out}${error}`.replaceAll(folder, "<artifact>").trim();
  }

  [Symbol.dispose](): void {
    this.data[Symbol.dispose]();
  }
}
