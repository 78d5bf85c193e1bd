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

/** Between two checks of one peer. Milliseconds. */
export const peerCheckMs = 1000;
/** For one check. Milliseconds. */
export const peerCheckTimeoutMs = 1000;
/** Failed checks in a row that put a peer out. Count. */
export const peerFailuresMax = 3;
/** Checks in a row at which nobody listens that put a peer out: one that is started again at once is back for the second. Count. */
export const peerRefusalsMax = 2;
/** From the first of them to the second; a broker is up again in a third of that. Milliseconds. */
export const peerRefusedCheckMs = 200;
/** Good checks in a row that put it in again: one that comes and goes would move its keys each time. Count. */
export const peerGoodChecksMin = 5;
/** Between two look-ups of the peers' name. Milliseconds. */
export const peersDnsLookMs = 5000;
/** For one of them. Milliseconds. */
export const peersDnsTimeoutMs = 4000;
/** Brokers, this one among them. Count. */
export const peersMax = 100;
/** The answer of a peer's `/healthz`. Bytes. */
export const peerHealthBytesMax = 4096;
/** Keys whose owner is remembered until it changes. Count. */
export const ownersRememberedMax = 16_384;

/** Connections beside those of `waitersMax` waiters: supervisors, `/connect`, runners between two polls. Count. */
export const connectionsRoom = 4096;
/** Bytes of later requests kept while one is being answered; a client that sends more is cut off. Bytes. */
export const pipelinedBytesMax = 64 * 1024;
/** From the first byte of a request's head to its last. Milliseconds. */
export const headTimeoutMs = 15_000;
/** From the end of a request's head to the end of its body; 8 MiB come in so long at 2.3 Mbit/s. Milliseconds. */
export const bodyTimeoutMs = 30_000;
/** Silence of a client that does not read its answer. Milliseconds. */
export const readingTimeoutMs = 10_000;
/** Silence on a connection between two requests; longer than clients keep theirs, so that none is closed while it sends. Milliseconds. */
export const idleTimeoutMs = 330_000;
/** After a last answer, how long the rest of what the client sends is read away; closing at once could cost it the answer. Milliseconds. */
export const lingerTimeoutMs = 2000;
/** A reset so soon after a delivery says that it was not read. Milliseconds. */
export const resetAfterDeliveryMs = 1000;
/** Of all dispatches that have not come whole. Bytes. */
export const bodyBytesTotalMax = 256 * 1024 * 1024;
/** Body of a request to `/control`. Bytes. */
export const controlBytesMax = 4096;
/** Messages up to here are copied behind their head and leave with one write; longer ones leave from where they are. Bytes. */
export const copiedMessageBytesMax = 64 * 1024;
/** Silence after which the kernel asks whether a client is still there, and then each time again. Milliseconds. */
export const keepAliveProbeMs = 15_000;
/** How long the kernel waits for the other side to acknowledge anything. Milliseconds. */
export const acknowledgeTimeoutMs = 25_000;
/** Connections that the kernel holds until they are accepted; all runners of a restarted broker come at once. Count. */
export const acceptBacklog = 4096;

/** Between two writes of the log; a line is as late as this. Milliseconds. */
export const logFlushMs = 100;
/** Lines that wait for whoever reads the log; more are dropped. Some 5 MiB. Count. */
export const logLinesMax = 10_000;
/** Of a name in a line of the log. Characters. */
export const logTextCharactersMax = 200;
/** Keys with the most waiters that status and metrics name, so that their number is bounded. Count. */
export const keysShownMax = 20;
/** Minutes that the recent hit rate is taken over. Count. */
export const recentMinutes = 10;
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

/** Part of a poll's time before its end in which nothing is offered to it any more: a client that gives up while the offer is under way has lost nothing, but time. At most, else a tenth. Milliseconds. */
export const spentMarginMsMax = 1000;
/** How much sooner than by the broker's count a client may give up a poll: the way of its request. Milliseconds. */
export const giveUpSkewMs = 100;
/** After `connectionTimeoutMs`, until a poll is closed whose client should have gone by itself: a machine that is dead or frozen. Milliseconds. */
export const overdueMs = 5000;
/** Resolution of these two, for what nothing is offered to. Milliseconds. */
export const dueSlotMs = 1000;
/** Redirects of one poll: Node's fetch follows 20, and some are left for a change of brokers. Count. */
export const hopsMax = 15;

/** Dispatches without a verdict; beyond that the supervisor had better start runners. Count. */
export const pendingMax = 10_000;
/** Of their messages; a run's is some KiB, with outputs of its waitpoints some MiB. Bytes. */
export const pendingBytesMax = 256 * 1024 * 1024;
/** Dispatches that wait for a runner that is not there yet, each with its message. Count. */
export const heldMax = 1000;
/** Dispatches of one snapshot that wait for one verdict: a proxy that tries again, not a supervisor. Count. */
export const joinedMax = 16;
/** How often a lost message is delivered again; a runner that loses it each time is not its reader. Count. */
export const redeliveriesMax = 2;
/** How long a runner is in doubt after an offer that it let lapse, unless it claims one in time. Milliseconds. */
export const doubtMs = 60_000;
/** Runners in doubt that are remembered. Count. */
export const doubtsMax = 10_000;
/** Offers whose time is remembered, for claims that come late; ten seconds of them on a very busy broker. Count. */
export const offersTimedMax = 65_536;
/** Addresses that are remembered with their latest `/connect`, as long as a delivery is kept. Count. */
export const connectsMax = 10_000;
/** After a runner was seen at two addresses, how long a `/connect` is not taken to say whose it is. Milliseconds. */
export const addressesVaryMs = 600_000;
/** Time over which waiters are sent on whose key another broker owns from now on. Milliseconds. */
export const relocateMs = 2000;
/** A tick that comes so long after the one before says that the process stood still: claims may lie unread. Milliseconds. */
export const lateTickMs = 250;

/** Levels of objects and lists in a dispatch; the client's log writes messages by recursion. Count. */
export const nestingMax = 128;
/** Values in a dispatch; one that carries what a batch of 1,000 runs has returned has some 15,000. 16 MiB of them take seconds to read. Count. */
export const valuesMax = 100_000;
/** Bodies up to here are parsed without counting levels and values first; one that is nothing else takes 2 ms. Bytes. */
export const unscannedBytesMax = 16 * 1024;
/** What a dispatch has around its message; supervisors send 20. Bytes. */
export const dispatchBytesBesides = 4096;

/** Between two looks at what is due: offers lapse so late at most. Milliseconds. */
export const tickMs = 20;
/** What a drain may take beyond `drainMs` and open offers: runners that read their last answer. Milliseconds. */
export const drainRoomMs = 5000;
/** How long a broker that has ended waits for whoever reads its log. Milliseconds. */
export const lastLogFlushMs = 1000;
/** Descriptors that are no connections: files, timers, the log, peers that are looked at. Count. */
export const filesRoom = 128;
/** Connections of supervisors at a port of their own, beyond those that runners may fill. Count. */
export const supervisorsRoom = 512;
