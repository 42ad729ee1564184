/**
 * One side of a call, in the page. The program outside (peer.ts) calls `call.prepare`, `call.begin`, `call.receive` and `call.report`, and gives
 * `signal`, which sends a message to the other side. All times are milliseconds since the Unix epoch, on the browser's monotonic clock.
 */
import { withBitrateBounds } from './bitrate-bounds.js';

/**
 * @typedef {object} Setup
 * @property {string} caption
 * @property {boolean} offers Whether this side calls.
 * @property {boolean} sends Whether this side has a camera and a microphone.
 * @property {boolean} bundle Audio and video over one connection (RFC 9143), else over one each.
 * @property {boolean} audio
 * @property {{ width: number, height: number, fps: number, codec: string, degradation: RTCDegradationPreference,
 *   bitrate: import('./bitrate-bounds.js').BitrateBounds }} video
 * @property {number} sampleMs
 */

/** @typedef {{ connection: number, description?: RTCSessionDescriptionInit, candidate?: RTCIceCandidateInit | null }} Message */

/** Entries of getStats() have members that depend on their kind. @typedef {Record<string, any>} Stats */

/** What a sample tells of the media that come in, of those that go out and of the connections. */
/** @type {{ time: number, video: Stats | null, audio: Stats | null, sent: Stats | null, rtt: number | null, pair: string }[]} */
const samples = [];
/** When frames of the other side's video were shown. @type {number[]} */
const frames = [];
/** @type {RTCPeerConnection[]} */
const connections = [];
/** Candidates that came before the description that they belong to. @type {Message[][]} */
const early = [];
/** When packets of audio left the encoder here, and when they came in. Each notes in a thread of its own. */
const audioTimes = { sent: new Worker('audio-times.js'), received: new Worker('audio-times.js') };
/** @type {Setup} */
let setup;
let beganAt = 0;

/** @param {Setup} wanted */
async function prepare(wanted) {
  setup = wanted;
  element('caption').textContent = setup.caption;
  const media = setup.sends ? await ownMedia() : new MediaStream();
  video('own').srcObject = media;
  element('own').hidden = !setup.sends;
  const arrived = new MediaStream();
  video('remote').srcObject = arrived;
  watchFrames(video('remote'));
  const kinds = setup.audio ? ['audio', 'video'] : ['video'];
  for (const carried of setup.bundle ? [kinds] : kinds.map((kind) => [kind])) {
    connections.push(connect(connections.length, carried, media, arrived));
    early.push([]);
  }
}

function ownMedia() {
  const { width, height, fps } = setup.video;
  return navigator.mediaDevices.getUserMedia({
    audio: setup.audio,
    video: { width: { exact: width }, height: { exact: height }, frameRate: { ideal: fps } },
  });
}

/**
 * @param {number} index
 * @param {string[]} kinds
 * @param {MediaStream} media
 * @param {MediaStream} arrived
 */
function connect(index, kinds, media, arrived) {
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  connection.onicecandidate = ({ candidate }) => send({ connection: index, candidate: candidate?.toJSON() ?? null });
  connection.ontrack = ({ track, transceiver }) => {
    arrived.addTrack(track);
    configure(transceiver);
  };
  // At the side that is called, the offer's transceivers become those of its tracks (RFC 8829, section 5.10).
  for (const track of media.getTracks()) if (kinds.includes(track.kind)) connection.addTrack(track, media);
  connection.getTransceivers().forEach(configure);
  return connection;
}

/**
 * Codec, and the times of audio. Chromium heeds the transforms of both ends only where they are set before the transceiver is negotiated.
 * @param {RTCRtpTransceiver} transceiver
 */
function configure(transceiver) {
  const { sender, receiver } = transceiver;
  if (receiver.track.kind === 'audio') {
    sender.transform ??= new RTCRtpScriptTransform(audioTimes.sent);
    receiver.transform ??= new RTCRtpScriptTransform(audioTimes.received);
    return;
  }
  const wanted = `video/${setup.video.codec}`;
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const first = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === wanted);
  if (first.length === 0) throw new Error(`this browser has no ${wanted}`);
  transceiver.setCodecPreferences([...first, ...codecs.filter(({ mimeType }) => mimeType === 'video/rtx')]);
}

/** Starts the clock and, at the side that calls, the call. */
async function begin() {
  beganAt = now();
  setInterval(() => void sample(), setup.sampleMs);
  if (!setup.offers) return;
  for (const [index, connection] of connections.entries()) {
    await connection.setLocalDescription(await connection.createOffer());
    describe(index, connection);
  }
}

/** @param {Message} message */
async function receive({ connection: index, description, candidate }) {
  const connection = /** @type {RTCPeerConnection} */ (connections[index]);
  if (description === undefined) {
    if (connection.remoteDescription === null) early[index]?.push({ connection: index, candidate: candidate ?? null });
    else await connection.addIceCandidate(candidate ?? undefined);
    return;
  }
  const sdp = withBitrateBounds(description.sdp ?? '', setup.video.bitrate);
  await connection.setRemoteDescription({ type: description.type, sdp });
  if (description.type === 'offer') {
    await connection.setLocalDescription(await connection.createAnswer());
    describe(index, connection);
  }
  for (const earlier of early[index]?.splice(0) ?? []) await connection.addIceCandidate(earlier.candidate ?? undefined);
  await boundSender(connection);
}

/** The encoder's own upper bound depends on the resolution; the one that is asked for takes its place. @param {RTCPeerConnection} connection */
async function boundSender(connection) {
  for (const sender of connection.getSenders()) {
    if (sender.track?.kind !== 'video') continue;
    const parameters = sender.getParameters();
    parameters.degradationPreference = setup.video.degradation;
    for (const encoding of parameters.encodings) {
      encoding.maxFramerate = setup.video.fps;
      if (setup.video.bitrate.max !== null) encoding.maxBitrate = setup.video.bitrate.max;
    }
    await sender.setParameters(parameters);
  }
}

/**
 * @param {number} index
 * @param {RTCPeerConnection} connection
 */
function describe(index, connection) {
  const { type, sdp } = /** @type {RTCSessionDescription} */ (connection.localDescription);
  send({ connection: index, description: { type, sdp } });
}

/** @param {Message} message */
function send(message) {
  void (/** @type {any} */ (globalThis).signal(message));
}

/** getStats misses short freezes: each frame counts that is shown. @param {HTMLVideoElement} shown */
function watchFrames(shown) {
  shown.requestVideoFrameCallback((time) => {
    frames.push(performance.timeOrigin + time);
    watchFrames(shown);
  });
}

async function sample() {
  const time = now();
  const reports = await Promise.all(connections.map(async (connection) => [...(await connection.getStats()).values()]));
  /** @type {Stats[]} */
  const stats = reports.flat();
  /** @param {string} type @param {string} kind */
  const of = (type, kind) => stats.find((entry) => entry.type === type && entry.kind === kind);
  // The connection of the video comes last.
  const transport = stats.findLast(({ type }) => type === 'transport');
  const pair = stats.find(({ id }) => id === transport?.selectedCandidatePairId);
  /** @param {string | undefined} id */
  const address = (id) => stats.find((entry) => entry.id === id)?.address ?? '?';
  const [seen, heard, sent] = [of('inbound-rtp', 'video'), of('inbound-rtp', 'audio'), of('outbound-rtp', 'video')];
  samples.push({
    time,
    video: seen === undefined ? null : pick(seen, VIDEO_STATS),
    audio: heard === undefined ? null : pick(heard, AUDIO_STATS),
    sent: sent === undefined ? null : pick(sent, SENT_STATS),
    rtt: pair?.currentRoundTripTime ?? null,
    pair: pair === undefined ? '' : `${address(pair.localCandidateId)} ${address(pair.remoteCandidateId)}`,
  });
}

const BUFFER_STATS = ['bytesReceived', 'headerBytesReceived', 'jitterBufferDelay', 'jitterBufferEmittedCount'];
const VIDEO_STATS = [...BUFFER_STATS, 'frameWidth', 'frameHeight', 'framesDecoded', 'framesDropped', 'nackCount'];
const AUDIO_STATS = [...BUFFER_STATS, 'concealedSamples', 'silentConcealedSamples', 'totalSamplesReceived'];
const SENT_STATS = [
  'bytesSent',
  'retransmittedBytesSent',
  'targetBitrate',
  'frameWidth',
  'frameHeight',
  'framesPerSecond',
];

/**
 * Numbers of an entry; what it has not is 0: nothing of it has happened yet.
 * @param {Stats} entry
 * @param {readonly string[]} names
 */
function pick(entry, names) {
  return Object.fromEntries(names.map((name) => [name, entry[name] ?? 0]));
}

async function report() {
  const [audioSent, audioReceived] = await Promise.all([noted(audioTimes.sent), noted(audioTimes.received)]);
  return { beganAt, samples, frames, audioSent, audioReceived };
}

/** [RTP timestamp, time] of each packet. @param {Worker} noter @returns {Promise<[number, number][]>} */
function noted(noter) {
  return new Promise((resolve) => {
    noter.onmessage = ({ data }) => resolve(data);
    noter.postMessage('report');
  });
}

function now() {
  return performance.timeOrigin + performance.now();
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {string} id */
function video(id) {
  return /** @type {HTMLVideoElement} */ (element(id));
}

Object.assign(globalThis, { call: { prepare, begin, receive, report } });
