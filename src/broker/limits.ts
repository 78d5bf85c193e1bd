/** Bounds of the warm-start broker, each with its reason. */

/** A deployment token; those of Trigger.dev have some 500. Longer ones are not decoded. Characters. */
export const tokenCharactersMax = 4096;
/** Tokens that are remembered as verified; one per deployment that polls. Count. */
export const tokensMax = 4096;
/** Of all texts of remembered tokens. Characters. */
export const tokensCharactersMax = 4 * 1024 * 1024;
/** The name of a deployment or its version inside a token. Characters. */
export const deploymentNameCharactersMax = 256;
/** How long a broker vouches for a dispatch that it sends to another one; clients follow at once. Milliseconds. */
export const voucherTtlMs = 10_000;
/** Difference of the clocks of two brokers that a voucher survives. Milliseconds. */
export const voucherClockSkewMs = 5000;

/** Between two looks at the file of cordoned machines: the kernel tells of most changes, not of all. Milliseconds. */
export const cordonFileLookMs = 2000;
/** The file of cordoned machines; 20,000 names of 50 characters. Bytes. */
export const cordonFileBytesMax = 1024 * 1024;
/** Between two questions to Kubernetes for its cordoned nodes. Milliseconds. */
export const cordonKubernetesLookMs = 5000;
/** For one of them. Milliseconds. */
export const cordonKubernetesTimeoutMs = 4000;
/** After so long without an answer nothing that Kubernetes said is believed any more. Milliseconds. */
export const cordonKubernetesAgeMsMax = 60_000;
/** An answer of Kubernetes, one page of nodes; a node with many images has some 20 KiB. Bytes. */
export const cordonKubernetesBytesMax = 16 * 1024 * 1024;
/** Nodes of one page. Count. */
export const cordonKubernetesPageNodesMax = 200;
/** Pages of one look. Count. */
export const cordonKubernetesPagesMax = 50;
/** Between two lines of the log that say that a source of cordons cannot be read. Milliseconds. */
export const cordonNoteMs = 60_000;

/** Between two checks of one peer. Milliseconds. */
export const peerCheckMs = 1000;
/** For one check. Milliseconds. */
export const peerCheckTimeoutMs = 1000;
/** Failed checks in a row that put a peer out. Count. */
export const peerFailuresMax = 3;
/** Good checks in a row that put it in again: one that comes and goes would move its keys each time. Count. */
export const peerGoodChecksMin = 5;
/** Between two look-ups of the peers' name. Milliseconds. */
export const peersDnsLookMs = 5000;
/** For one of them. Milliseconds. */
export const peersDnsTimeoutMs = 4000;
/** Brokers, this one among them. Count. */
export const peersMax = 64;
/** The answer of a peer's `/healthz`. Bytes. */
export const peerHealthBytesMax = 4096;
/** Keys whose owner is remembered until it changes. Count. */
export const ownersRememberedMax = 16_384;
