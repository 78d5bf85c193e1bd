/** Asks for the execution domains that switch protections off. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const ADDR_NO_RANDOMIZE = 0x004_0000;
const READ_IMPLIES_EXEC = 0x040_0000;

export default attack(() => ({
  "addresses that can be guessed": () => call("personality", ADDR_NO_RANDOMIZE),
  "memory that can all be executed": () => call("personality", READ_IMPLIES_EXEC),
}));
