/** Meets others by names that are not in any folder, and so have no mode. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";
import { AF_UNIX, connectTo, SOCK_DGRAM, unix, withSocket } from "../sockets.ts";

export default attack(({ outside }) => {
  const address = unix(`\0${outside.abstractName}`);
  return {
    "connect to a service": () => connectTo(address),
    "send to a service": () =>
      withSocket([AF_UNIX, SOCK_DGRAM], (fd) =>
        call(
          "sendto",
          fd,
          Buffer.from("x"),
          1,
          0,
          unix(`\0${outside.abstractName}-datagrams`),
          2 + 1 + outside.abstractName.length + 10,
        ),
      ),
  };
});
