/** One thing that a client does through a pooler, and what came of it. */
import pg from "pg";

/** A pooler in front of a database, with two connections to the server. */
export interface PoolerAccess {
  config: pg.ClientConfig;
  /** Straight to the server. */
  direct: pg.ClientConfig;
}

export interface PoolingCase {
  name: string;
  run(context: CaseContext): Promise<string>;
}

export interface CaseContext {
  access: PoolerAccess;
  /** A client through the pooler; closed when the case is over. */
  open(config?: pg.ClientConfig): Promise<pg.Client>;
  /** A client straight to the server. */
  direct(): Promise<pg.Client>;
  /**
   * Has a client of its own begin a transaction, so that the connection that was used last is taken: whoever asks next
   * gets another one, where poolers change them.
   */
  shift(): Promise<void>;
}

/** How long a notification, or an answer that may never come, is waited for. Milliseconds. */
export const patienceMs = 1500;

/** Puts one case to one pooler. What is thrown is an answer, too. */
export async function outcomeOf({ run }: PoolingCase, access: PoolerAccess): Promise<string> {
  const clients: pg.Client[] = [];
  const connect = async (config: pg.ClientConfig) => {
    const client = new pg.Client(config);
    client.on("error", () => {});
    clients.push(client);
    await client.connect();
    return client;
  };
  const open = (config: pg.ClientConfig = {}) => connect({ ...access.config, ...config });
  const direct = () => connect(access.direct);
  const shift = async () => void (await (await open()).query("BEGIN"));
  try {
    return await within(run({ access, open, direct, shift }), "**hangs**", 10_000);
  } catch (error) {
    return `refused: ${said(error)}`;
  } finally {
    await Promise.all(
      clients.map((client) =>
        within(
          client.end().catch(() => {}),
          undefined,
        ),
      ),
    );
  }
}

/** SQLSTATE, or the message of what has none. */
export function said(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? String(error);
}

export async function within<Value>(
  promise: Promise<Value>,
  otherwise: Value,
  timeoutMs = patienceMs,
): Promise<Value> {
  const late = Promise.withResolvers<Value>();
  const timer = setTimeout(late.resolve, timeoutMs, otherwise);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
