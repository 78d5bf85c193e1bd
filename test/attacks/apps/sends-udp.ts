/** Sends datagrams: to anybody, and to be answered with more than it sent. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";
import { AF_INET, inet, SOCK_DGRAM, withSocket } from "../sockets.ts";

const IPPROTO_ICMP = 1;
const IPPROTO_UDPLITE = 136;

export default attack(({ outside }) => {
  const send = (protocol: number, port: number) =>
    withSocket([AF_INET, SOCK_DGRAM, protocol], (fd) =>
      call("sendto", fd, Buffer.from("x"), 1, 0, inet(port), 16),
    );
  return {
    "to a service of this machine": () => send(0, outside.udpPort),
    "by UDP-Lite": () => send(IPPROTO_UDPLITE, outside.udpPort),
    "a ping": () => send(IPPROTO_ICMP, 0),
  };
});
