/** Logs in to the node's PostgreSQL as its user, without knowing the password. */
import { join } from "node:path";
import { attack } from "../attack.ts";

/** What the server asks for in answer to a first message; postgresql.org/docs, message formats. */
const ASKED: Record<number, string> = {
  0: "got",
  3: "a password is asked for",
  5: "a password is asked for",
  10: "a password is asked for",
};

export default attack(({ postgresSockets }) => ({
  it: async () => {
    const text = Buffer.from("user\0levain\0database\0levain\0\0");
    const hello = Buffer.alloc(8 + text.length);
    hello.writeInt32BE(hello.length, 0);
    hello.writeInt32BE(196_608, 4);
    text.copy(hello, 8);
    const said = Promise.withResolvers<string>();
    const socket = await Bun.connect({
      unix: join(postgresSockets, ".s.PGSQL.5432"),
      socket: {
        open: (socket) => void socket.write(hello),
        data: (_socket, answer) => {
          const kind = String.fromCharCode(answer[0]!);
          said.resolve(
            kind === "R" ? (ASKED[answer.readInt32BE(5)] ?? "asked") : `refused (${kind})`,
          );
        },
        close: () => said.resolve("closed"),
        error: (_socket, error) => said.reject(error),
      },
    });
    try {
      return await said.promise;
    } finally {
      socket.terminate();
    }
  },
}));
