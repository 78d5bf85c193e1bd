/** Connects by sending: TCP fast open has no `connect` that a rule could refuse. */
import { attack } from "../attack.ts";
import { addressOf, call } from "../kernel.ts";
import { AF_INET, inet, MSG_FASTOPEN, SOCK_STREAM, withSocket } from "../sockets.ts";

const IPPROTO_TCP = 6;
const TCP_FASTOPEN_CONNECT = 30;

export default attack(({ outside }) => {
  const address = inet(outside.port);
  const text = Buffer.from("GET / HTTP/1.0\r\n\r\n");
  const tcp = <T>(use: (fd: number) => T) => withSocket([AF_INET, SOCK_STREAM], use);
  /** A `msghdr` with an address and one piece. */
  const message = (piece: BigUint64Array) =>
    new BigUint64Array([addressOf(address), 16n, addressOf(piece), 1n, 0n, 0n, 0n]);
  return {
    sendto: () =>
      tcp((fd) => call("sendto", fd, text, text.length, MSG_FASTOPEN, address, address.length)),
    sendmsg: () =>
      tcp((fd) => {
        const piece = new BigUint64Array([addressOf(text), BigInt(text.length)]);
        return call("sendmsg", fd, message(piece), MSG_FASTOPEN);
      }),
    "option, connect and write": () =>
      tcp((fd) => {
        call("setsockopt", fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, new Int32Array([1]), 4);
        call("connect", fd, address, address.length);
        return call("write", fd, text, text.length);
      }),
  };
});
