/** Pins its memory, so that it can be neither paged nor moved. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const MCL_CURRENT = 1;
const MCL_FUTURE = 2;

export default attack(() => ({
  it: () => call("mlockall", MCL_CURRENT | MCL_FUTURE),
}));
