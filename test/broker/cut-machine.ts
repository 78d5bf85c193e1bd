/**
 * A machine in a network namespace of its own, whose cable can be cut: nothing that is sent to it is acknowledged any more,
 * which no relay in a process can do. Needs root, `ip` and a kernel that lets it.
 */
import { RunnerProcess, type RunnerProcessOptions } from "./runner-process.ts";

function ip(...args: string[]): boolean {
  return Bun.spawnSync(["ip", ...args], { stdout: "ignore", stderr: "ignore" }).success;
}

export class CutMachine implements Disposable {
  /** Of the broker, as this machine sees it. */
  readonly brokerAddress: string;
  readonly #name: string;

  private constructor(name: string, brokerAddress: string) {
    this.#name = name;
    this.brokerAddress = brokerAddress;
  }

  /** Null when this machine cannot have one. `net`: the third part of its addresses, one for each at a time. 0 to 255. */
  static make(net: number): CutMachine | null {
    const name = `lv-${process.pid}-${net}`;
    const [outside, inside] = [`${name}o`.slice(-15), `${name}i`.slice(-15)];
    if (Bun.which("ip") === null || !ip("netns", "add", name)) return null;
    const machine = new CutMachine(name, `198.18.${net}.1`);
    const isMade =
      ip("link", "add", outside, "type", "veth", "peer", "name", inside) &&
      ip("link", "set", inside, "netns", name, "name", "eth0") &&
      ip("addr", "add", `198.18.${net}.1/30`, "dev", outside) &&
      ip("link", "set", outside, "up") &&
      ip("-n", name, "addr", "add", `198.18.${net}.2/30`, "dev", "eth0") &&
      ip("-n", name, "link", "set", "eth0", "up");
    if (isMade) return machine;
    machine[Symbol.dispose]();
    return null;
  }

  async runner(options: RunnerProcessOptions): Promise<RunnerProcess> {
    return await RunnerProcess.start(options, ["ip", "netns", "exec", this.#name]);
  }

  /** No end is told, and nothing is acknowledged. */
  cut(): void {
    ip("-n", this.#name, "link", "set", "eth0", "down");
  }

  /** With its cable. What runs on it is ended first, by who started it. */
  [Symbol.dispose](): void {
    ip("netns", "delete", this.#name);
  }
}
