/** Bounds of a video's bitrate in a session description. */

/** bit/s; null = the browser's own. @typedef {{ min: number | null, start: number | null, max: number | null }} BitrateBounds */

/**
 * The description with the bounds at each video codec, in the parameters that Chromium's encoders read (kbit/s).
 * @param {string} sdp
 * @param {BitrateBounds} bounds
 */
export function withBitrateBounds(sdp, { min, start, max }) {
  const parameters = Object.entries({ min, start, max }).flatMap(([name, rate]) =>
    rate === null ? [] : [`x-google-${name}-bitrate=${Math.round(rate / 1000)}`],
  );
  if (parameters.length === 0) return sdp;
  const [session = '', ...media] = sdp.split(/^(?=m=)/m);
  return [
    session,
    ...media.map((section) => (section.startsWith('m=video') ? bounded(section, parameters) : section)),
  ].join('');
}

/**
 * @param {string} section
 * @param {string[]} parameters
 */
function bounded(section, parameters) {
  const lines = section.split('\r\n');
  const codecs = lines.flatMap((line) => /^a=rtpmap:(\d+) (?!rtx|red|ulpfec|flexfec)/i.exec(line)?.[1] ?? []);
  return lines
    .map((line) => {
      const [, kind, payload = ''] = /^a=(rtpmap|fmtp):(\d+) /.exec(line) ?? [];
      if (!codecs.includes(payload)) return line;
      if (kind === 'fmtp') return [line, ...parameters].join(';');
      const hasParameters = lines.some((other) => other.startsWith(`a=fmtp:${payload} `));
      return hasParameters ? line : `${line}\r\na=fmtp:${payload} ${parameters.join(';')}`;
    })
    .join('\r\n');
}
