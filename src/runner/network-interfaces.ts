/**
 * The kernel does not tell an app the machine's addresses, and servers that print where they listen (react-router-serve)
 * end at the error. They are told what is true for them: there is the loopback interface.
 */

const LOOPBACK = {
  address: "127.0.0.1",
  netmask: "255.0.0.0",
  family: "IPv4" as const,
  mac: "00:00:00:00:00:00",
  internal: true,
  cidr: "127.0.0.1/8",
};

let isInstalled = false;

/** Twice is safe. */
export function answerInterfaces(): void {
  if (isInstalled) return;
  isInstalled = true;
  const os = process.getBuiltinModule("node:os");
  const { networkInterfaces } = os;
  os.networkInterfaces = () => {
    try {
      return networkInterfaces();
    } catch {
      return { lo: [{ ...LOOPBACK }] };
    }
  };
}
