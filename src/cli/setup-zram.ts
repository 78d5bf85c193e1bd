/** `levain doctor --setup-zram`: swap in zram on this machine, or what would be done. */
import { PlatformError } from "../base/errors.ts";
import { showBytes } from "./units.ts";
import type { Call, Outcome } from "./verb.ts";

/** @throws {PlatformError} `ZRAM_REFUSED`, `ZRAM_SETUP_FAILED` */
export async function setupZram(call: Call, isDry: boolean): Promise<Outcome> {
  const { decideZram, FIRST_DEVICE, showZramStep, zramSteps, zramUndoSteps } = await import(
    "../sandbox/zram.ts"
  );
  const { setUpZram, zramSources } = await import("../sandbox/zram-setup.ts");
  const next = [call.command("levain doctor")];
  const decision = decideZram(zramSources());
  if (decision.kind === "refused") throw new PlatformError("ZRAM_REFUSED", [decision.why]);
  if (decision.kind === "present") {
    const { device } = decision;
    const data = { zram: "present", device, sizeBytes: null, steps: [], undo: [] };
    return { data, next, text: () => `Swap in zram is there: ${device}. Nothing was changed.` };
  }
  const { plan } = decision;
  const steps = zramSteps(plan).map(showZramStep);
  const device = isDry ? (plan.device ?? FIRST_DEVICE) : setUpZram(plan);
  const undo = zramUndoSteps(device).map(showZramStep);
  const { sizeBytes, memoryBytesMax } = plan;
  const zram = isDry ? "planned" : "set up";
  const lines = (commands: readonly string[]) => commands.map((command) => `  ${command}`);
  return {
    data: { zram, device: `/dev/${device}`, sizeBytes, steps, undo },
    next,
    text: () =>
      [
        `Swap in zram ${isDry ? "would be" : "is"} set up on /dev/${device}: ${showBytes(sizeBytes)} of pages, in at`,
        `most ${showBytes(memoryBytesMax)} of RAM.${isDry ? " Nothing was changed. These are the steps:" : " These were the steps:"}`,
        ...lines(steps),
        "To undo it:",
        ...lines(undo),
        "A restart of the machine ends it. To keep it, run the same command at boot, as",
        "root; under systemd with this line in the unit of the node:",
        "  ExecStartPre=+levain doctor --setup-zram",
      ].join("\n"),
  };
}
