/**
 * A player of adaptive video, in the page. The program outside (client.ts) calls `player.prepare`, `player.begin` and `player.report`. All times
 * are milliseconds since the Unix epoch, on the browser's monotonic clock.
 */

/**
 * @typedef {object} Setup
 * @property {string} caption
 * @property {string} manifest URL.
 * @property {number} buffer Seconds of video that are kept ahead.
 * @property {number | null} startRate bit/s of the level to start with; null = the lowest.
 * @property {{ at: number, to: number } | null} seek Seconds.
 * @property {number} sampleMs
 */

/** Its types need a bundler. */
const { dashjs } = /** @type {any} */ (globalThis);

/** Enough of them that no outage of an experiment ends the player. */
const ATTEMPTS = 1000;

const shown = /** @type {HTMLVideoElement} */ (document.getElementById('video'));
const caption = /** @type {HTMLElement} */ (document.getElementById('caption'));

/** @type {{ time: number, buffer: number, loading: number, dropped: number }[]} */
const samples = [];
/** Time, place in the video (s), height, pictures shown so far. @type {[number, number, number, number][]} */
const frames = [];
/** @type {string[]} */
const errors = [];
/** @type {Setup} */
let setup;
/** @type {any} */
let media;
let beganAt = 0;
/** @type {number | null} */
let soughtAt = null;

/** @param {Setup} wanted */
function prepare(wanted) {
  setup = wanted;
  caption.textContent = setup.caption;
  media = dashjs.MediaPlayer().create();
  media.updateSettings({
    streaming: {
      // Nothing of an earlier run, which each is to find out for itself.
      lastBitrateCachingInfo: { enabled: false },
      buffer: {
        bufferTimeDefault: setup.buffer,
        bufferTimeAtTopQuality: setup.buffer,
        bufferTimeAtTopQualityLongForm: setup.buffer,
        // What has been loaded is shown: loading it again at a better level would take from the rate what the buffer needs to grow.
        fastSwitchEnabled: false,
      },
      abr: {
        initialBitrate: { video: setup.startRate === null ? 0 : setup.startRate / 1000 },
        // The network decides, not the size of the window or the processor.
        limitBitrateByPortal: false,
        // Bitrates are constant, so what is measured need not be far above them.
        throughput: { bandwidthSafetyFactor: 0.95 },
        rules: {
          // What is asked is what the throughput allows: a full buffer does not ask for more, and a level that was left once is taken again at once.
          bolaRule: { active: false },
          switchHistoryRule: { active: false },
          droppedFramesRule: { active: false },
          // It closes the connection, and the next one has to find its rate again.
          abandonRequestsRule: { active: false },
        },
      },
      retryAttempts: { MPD: ATTEMPTS, InitializationSegment: ATTEMPTS, MediaSegment: ATTEMPTS },
    },
  });
  media.on(dashjs.MediaPlayer.events.ERROR, (/** @type {any} */ { error }) => {
    errors.push(`${error?.code ?? ''} ${error?.message ?? error}`.trim());
  });
  media.initialize(shown, null, true);
}

function begin() {
  beganAt = now();
  watchFrames();
  setInterval(sample, setup.sampleMs);
  media.attachSource(setup.manifest);
  if (setup.seek !== null) setTimeout(seek, setup.seek.at * 1000);
}

function seek() {
  soughtAt = now();
  media.seek(setup.seek?.to);
}

function watchFrames() {
  shown.requestVideoFrameCallback((time, { mediaTime, height, presentedFrames }) => {
    frames.push([performance.timeOrigin + time, mediaTime, height, presentedFrames]);
    watchFrames();
  });
}

function sample() {
  const buffer = ahead();
  const dropped = shown.getVideoPlaybackQuality().droppedVideoFrames;
  const loading = media.getCurrentRepresentationForType('video')?.height ?? 0;
  samples.push({ time: now(), buffer, loading, dropped });
  caption.textContent = `${setup.caption} · ${shown.videoHeight}p · ${buffer.toFixed(1)} s ahead`;
}

/** Seconds of video from the picture that is shown to the first gap. */
function ahead() {
  const { buffered, currentTime } = shown;
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= currentTime && currentTime < buffered.end(i)) return buffered.end(i) - currentTime;
  }
  return 0;
}

function report() {
  return { beganAt, soughtAt, samples, frames, errors, versions: { dashjs: media.getVersion() } };
}

function now() {
  return performance.timeOrigin + performance.now();
}

/** A module, so that its names are its own. */
export {};

Object.assign(globalThis, { player: { prepare, begin, report } });
