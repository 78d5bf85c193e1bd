/** A name server on 127.0.0.1 that knows TXT records and nothing else. */

export interface TestDnsServer {
  /** `127.0.0.1:5353` */
  readonly address: string;
  /** Text by name in lower case; may be changed. */
  readonly texts: Map<string, string>;
  stop(): void;
}

const TXT = 16;
const NAME_ERROR = 3;

export async function startDnsServer(): Promise<TestDnsServer> {
  const texts = new Map<string, string>();
  const server = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, query, port, address) {
        socket.send(answerTo(query, texts), port, address);
      },
    },
  });
  return { address: `127.0.0.1:${server.port}`, texts, stop: () => server.close() };
}

/** RFC 1035: the head, the question as it came, and one record or none. */
function answerTo(query: Buffer, texts: ReadonlyMap<string, string>): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] as number; length > 0; length = query[at] as number) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = query.readUInt16BE(at + 1);
  const text = type === TXT ? texts.get(labels.join(".").toLowerCase()) : undefined;
  const head = Buffer.from(query.subarray(0, at + 5));
  head.writeUInt16BE(0x8180 | (text === undefined ? NAME_ERROR : 0), 2);
  for (const [offset, count] of [
    [4, 1],
    [6, text === undefined ? 0 : 1],
    [8, 0],
    [10, 0],
  ] as const) {
    head.writeUInt16BE(count, offset);
  }
  if (text === undefined) return head;
  const data = Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(type, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(1, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, record, data]);
}
