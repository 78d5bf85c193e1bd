/** Keeps and looks for secrets in the kernel's keyrings, which apps of one user share. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const KEY_SPEC_USER_KEYRING = -4;
const KEYCTL_GET_KEYRING_ID = 0;

export default attack(() => ({
  "add a key": () => call("add_key", "user", "levain-attack", "x", 1, KEY_SPEC_USER_KEYRING),
  "ask for a key": () => call("request_key", "user", "levain-attack", 0, KEY_SPEC_USER_KEYRING),
  "open the user's keyring": () => call("keyctl", KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1),
}));
