/** Opens sockets of families that no app needs and whose code in the kernel is seldom looked at. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";
import { AF_INET, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM } from "../sockets.ts";

const AF_NETLINK = 16;
const AF_PACKET = 17;
const AF_ALG = 38;
const AF_VSOCK = 40;
const AF_XDP = 44;
const IPPROTO_ICMP = 1;
const IPPROTO_SCTP = 132;
const NETLINK_KOBJECT_UEVENT = 15;

export default attack(() => ({
  raw: () => call("socket", AF_INET, SOCK_RAW, IPPROTO_ICMP),
  packet: () => call("socket", AF_PACKET, SOCK_RAW, 0x0300),
  netlink: () => call("socket", AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT),
  vsock: () => call("socket", AF_VSOCK, SOCK_STREAM, 0),
  "the kernel's ciphers": () => call("socket", AF_ALG, 5, 0),
  xdp: () => call("socket", AF_XDP, SOCK_RAW, 0),
  sctp: () => call("socket", AF_INET, SOCK_STREAM, IPPROTO_SCTP),
  "a pair of datagram sockets of the internet": () =>
    call("socketpair", AF_INET, SOCK_DGRAM, 0, new Int32Array(2)),
}));
