/**
 * Whether the machine's name servers can be asked as strict apps ask them: over TCP, for both kinds of address in one
 * connection, as the C library does; RFC 7766.
 */
import type { Socket } from "bun";
import { nameServersMax, nameServerTimeoutMs } from "./limits.ts";

/** `both`: two answers came in one connection; `one`: it was closed after the first; `none`: nothing that is DNS. */
export type TcpAnswers = "both" | "one" | "none";

export interface NameServer {
  address: string;
  answers: TcpAnswers;
}

/** Addresses of the servers that the C library asks; resolv.conf(5). @param text of /etc/resolv.conf; null: there is none */
export function nameServerAddresses(text: string | null): string[] {
  const named = [...(text ?? "").matchAll(/^nameserver[ \t]+(\S+)/gm)].map(
    ([, address]) => address!,
  );
  return named.length === 0 ? ["127.0.0.1"] : named.slice(0, nameServersMax);
}

/** Asks all at once. Never rejects. @param port where they listen. Default 53 */
export function askNameServers(addresses: readonly string[], port = 53): Promise<NameServer[]> {
  return Promise.all(
    addresses.map(async (address) => ({ address, answers: await tcpAnswers(address, port) })),
  );
}

async function tcpAnswers(hostname: string, port: number): Promise<TcpAnswers> {
  const done = Promise.withResolvers<void>();
  const answered = new Set<number>();
  let received: Buffer = Buffer.alloc(0);
  const timer = setTimeout(done.resolve, nameServerTimeoutMs);
  let socket: Socket | null = null;
  try {
    socket = await Promise.race([
      Bun.connect({
        hostname,
        port,
        socket: {
          data(_socket, data) {
            received = Buffer.concat([received, data]);
            received = takeAnswers(received, answered);
            if (answered.size === QUERIES.length) done.resolve();
          },
          end: () => done.resolve(),
          close: () => done.resolve(),
          error: () => done.resolve(),
        },
      }),
      done.promise.then(() => null),
    ]);
    socket?.write(Buffer.concat(QUERIES.map(({ id, type }) => query(id, type))));
    await done.promise;
  } catch {
    // Nobody listens there: no answer is what there is to say.
  } finally {
    clearTimeout(timer);
    socket?.terminate();
  }
  return answered.size === QUERIES.length ? "both" : answered.size === 1 ? "one" : "none";
}

/** Addresses of both kinds. */
const QUERIES = [
  { id: 0x4c01, type: 1 },
  { id: 0x4c02, type: 28 },
];

/** A question for the root, which every server knows or refuses at once, with its length in front; RFC 1035 4. */
function query(id: number, type: number): Buffer {
  const recursionDesired = 0x0100;
  const words = [17, id, recursionDesired, 1, 0, 0, 0];
  const message = Buffer.alloc(19);
  for (const [index, word] of words.entries()) message.writeUInt16BE(word, index * 2);
  // The root's name is one zero byte.
  message.writeUInt16BE(type, 15);
  message.writeUInt16BE(1, 17);
  return message;
}

/** Notes the whole answers at the start of `bytes`. @returns what is left; empty when it is not DNS */
function takeAnswers(bytes: Buffer, answered: Set<number>): Buffer {
  let rest = bytes;
  while (rest.length >= 2) {
    const end = 2 + rest.readUInt16BE(0);
    if (rest.length < end) break;
    const isAnswer = end >= 14 && (rest[4]! & 0x80) !== 0;
    const id = rest.readUInt16BE(2);
    if (isAnswer && QUERIES.some((asked) => asked.id === id)) answered.add(id);
    rest = rest.subarray(end);
  }
  return rest;
}
