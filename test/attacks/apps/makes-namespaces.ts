/** Becomes root in a user namespace of its own, from where more of the kernel can be reached. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const CLONE_NEWUSER = 0x1000_0000;
const CLONE_NEWNS = 0x2_0000;
const CLONE_NEWNET = 0x4000_0000;
const CLONE_NEWCGROUP = 0x0200_0000;

export default attack(({ nodePid }) => ({
  "a user namespace": () => call("unshare", CLONE_NEWUSER),
  "a mount namespace": () => call("unshare", CLONE_NEWNS),
  "a network namespace": () => call("unshare", CLONE_NEWNET),
  "a cgroup namespace": () => call("unshare", CLONE_NEWCGROUP),
  // The size is wrong, so that nothing is started where the call is allowed: then it says EINVAL.
  "by clone3": () => call("clone3", new BigUint64Array([BigInt(CLONE_NEWUSER)]), 8),
  "the node's": () => call("setns", call("pidfd_open", nodePid, 0), CLONE_NEWNS),
}));
